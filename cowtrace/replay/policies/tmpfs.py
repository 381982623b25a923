"""``tmpfs=PATH``: a tmpfs mounted over a folder of an overlay, or, for the mount point itself, below the whole upper layer."""

from __future__ import annotations

from cowtrace.copyup.costs import Range
from cowtrace.copyup.whatif import Copied, is_below, tmpfs_over, upper_on_tmpfs
from cowtrace.errors import UsageError
from cowtrace.replay.copyups import CopyUpWork, change, lacks_copyups
from cowtrace.replay.scope import Scope
from cowtrace.replay.trace import Trace
from cowtrace.replay.work import Work
from cowtrace.units import format_bytes


def check_value(value: str) -> None:
    """An absolute path."""
    if not value.startswith("/"):
        raise UsageError(f"what-if tmpfs={value}: expected tmpfs=PATH, an absolute path such as tmpfs=/var/log")


def lacks(trace: Trace) -> str | None:
    """Copy-ups with names are needed."""
    reason = lacks_copyups(trace)
    if reason is None and not (trace.store.manifest.get("rows") or {}).get("overlay_mount"):
        return "copied files have no names without a listing of the upper layer (cowtrace record --overlay)"
    return reason


def apply(work: Work, value: str, scope: Scope) -> None:
    """Take the copy-ups below the path off the disk."""
    path = value.rstrip("/") or "/"

    def policy(state: CopyUpWork, comm: str | None) -> list[Copied]:
        state.has_memory = True
        point = next((mount["mount_point"] for mount in state.mounts if mount["mount_point"] == path), None)
        if point is not None:
            work.assume(f"The upper layer of {path} lies on a tmpfs: every copy-up remains, and stays in memory.")
            return upper_on_tmpfs(state.copies, path, state.costs, comm)
        copies = tmpfs_over(state.copies, path, comm)
        below = [copied for copied in copies if copied.cost.memory_bytes != Range.exact(0)]
        work.assume(f"A tmpfs over {path} hides the lower files there: {len(below)} that the workload changes are put into it before.")
        return copies

    change(work, scope, policy)
    new = _written_below(work.trace, path)
    if new:
        work.leave_out(f"{format_bytes(new)} of new files below {path}: they lie in memory too, whoever wrote them.")
    work.leave_out("Writes below the path: to memory instead of the disk's page cache; writeback and its throttling are not priced.")


def _written_below(trace: Trace, path: str) -> int:
    points = {row["mount_id"]: row["mount_point"].rstrip("/") for row in trace.store.lazy("overlay_mount").collect().to_dicts()}
    changes = trace.store.lazy("overlay_change").select("mount_id", "path", "new_bytes").collect().iter_rows()
    return sum(new or 0 for mount, name, new in changes if is_below(f"{points.get(mount)}/{name}", path))
