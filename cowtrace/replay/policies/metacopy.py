"""``metacopy=on|off``: whether an overlay copies metadata up without data (mount option, fs/overlayfs/params.c)."""

from __future__ import annotations

from cowtrace.copyup.whatif import metacopy_off, metacopy_on
from cowtrace.errors import UsageError
from cowtrace.replay.copyups import change, lacks_copyups
from cowtrace.replay.scope import Scope
from cowtrace.replay.trace import Trace
from cowtrace.replay.work import Work


def check_value(value: str) -> None:
    """On or off."""
    if value not in ("on", "off"):
        raise UsageError(f"what-if metacopy={value}: expected metacopy=on|off")


def lacks(trace: Trace) -> str | None:
    """Copy-ups are needed."""
    return lacks_copyups(trace)


def apply(work: Work, value: str, scope: Scope) -> None:
    """Defer the data of files whose attributes or names change, or copy it at once."""
    if value == "on":
        change(work, scope, lambda state, comm: metacopy_on(state.copies, state.costs, comm))
        work.assume(
            "A file counts as opened for writing later when its content had changed at the end; one that was opened and not written "
            "would be copied too."
        )
        work.assume("metacopy=on needs trusted layers, and excludes nfs_export=on and redirect_dir=off (see overlayfs.rst of the kernel).")
    else:
        change(work, scope, lambda state, comm: metacopy_off(state.copies, state.costs, comm))
    work.assume("Files are in the page cache as they were while recording, and the disk is as fast.")
