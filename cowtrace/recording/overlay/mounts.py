"""Overlay mounts, as a process sees them in its mount table."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from cowtrace.errors import HostError, InputError, UsageError

#: ``--overlay`` without a mount point.
AUTO = "auto"
METACOPY_DEFAULT = Path("/sys/module/overlay/parameters/metacopy")


@dataclass(frozen=True, slots=True)
class OverlayMount:
    """One overlay mount with an upper layer.

    Attributes:
        mount_id: Its number in the mount table.
        mount_point: Where it is mounted, for the process whose table was read.
        dev: Its own device, major:minor.
        lower: Lower layers, topmost first.
        upper, work: Upper layer and its work folder.
        metacopy: Metadata may be copied up without data; None when neither the mount nor the module says.
        volatile: Copied data is not synced to disk.
        user_xattrs: Its attributes are ``user.overlay.*`` instead of ``trusted.overlay.*``.
        upper_fs: File system of the upper layer; "" when not known.
        options: All of them, as printed.
    """

    mount_id: int
    mount_point: str
    dev: str
    lower: tuple[str, ...]
    upper: str
    work: str
    metacopy: bool | None
    volatile: bool
    user_xattrs: bool
    upper_fs: str
    options: str

    def as_json(self) -> dict[str, Any]:
        """As the listing holds it."""
        return {**asdict(self), "lower": list(self.lower)}


def overlay_mounts(mountinfo: Path) -> list[OverlayMount]:
    """The overlay mounts with an upper layer in a mount table, in its order; one mounted twice (bind mounts) once.

    Raises:
        HostError: The table can't be read.
    """
    from cowtrace.parsers.procfs.mountinfo import read_mountinfo

    try:
        table, _ = read_mountinfo(mountinfo)
    except InputError as error:
        raise HostError(f"--overlay: the mount table {mountinfo} {error.problem}") from None
    found: dict[tuple[str, str], OverlayMount] = {}
    homes = dict(table.select("mount_point", "fs_type").iter_rows())
    for row in table.filter(table["fs_type"] == "overlay").iter_rows(named=True):
        mount = mount_of(row)
        if mount is not None:
            above = [home for home in homes if (mount.upper + "/").startswith(home.rstrip("/") + "/")]
            upper_fs = homes[max(above, key=len)] if above else ""
            found.setdefault((mount.dev, mount.upper), replace(mount, upper_fs=upper_fs))
    return list(found.values())


def mount_of(row: dict[str, Any]) -> OverlayMount | None:
    """A row of the mount table as an overlay mount; None without an upper layer: nothing is ever copied up there."""
    from cowtrace.parsers.procfs.mountinfo import split_options

    lower: list[str] = []
    values: dict[str, str | None] = {}
    for name, value in split_options(row["super_options"]):
        if name == "lowerdir":
            lower += split_layers(value or "")
        elif name in ("lowerdir+", "datadir+"):
            lower.append(value or "")
        else:
            values[name] = value
    upper = values.get("upperdir")
    if not upper:
        return None
    return OverlayMount(
        mount_id=row["mount_id"],
        mount_point=row["mount_point"],
        dev=row["dev"],
        lower=tuple(lower),
        upper=upper,
        work=values.get("workdir") or "",
        metacopy=values["metacopy"] == "on" if "metacopy" in values else None,
        volatile="volatile" in values or values.get("fsync") == "volatile",
        user_xattrs="userxattr" in values,
        upper_fs="",
        options=row["super_options"],
    )


def split_layers(text: str) -> list[str]:
    r"""The layers of ``lowerdir=``: parted by colons (two before a data-only layer), where ``\:`` is a colon of a name."""
    layers, layer, escaped = [], "", False
    for char in text:
        if escaped or char not in "\\:":
            layer, escaped = layer + char, False
        elif char == "\\":
            escaped = True
        else:
            layers.append(layer)
            layer = ""
    return [name for name in [*layers, layer] if name]


def default_metacopy() -> bool | None:
    """What a mount without the option does: the module's parameter."""
    try:
        return METACOPY_DEFAULT.read_text().strip() in ("Y", "1")
    except OSError:
        return None


def choose(mounts: Sequence[OverlayMount], wanted: str, folder: Path) -> list[OverlayMount]:
    """The mounts that ``--overlay`` means.

    Args:
        mounts: All that there are.
        wanted: A mount point, any path on the mount, or ``AUTO``: the mount that ``folder`` lies on, else all.
        folder: Working folder of the recorded command.

    Raises:
        UsageError: There is none, or none there.
    """
    if not mounts:
        raise UsageError("--overlay: no overlay with an upper layer is mounted here; record without --overlay")
    if wanted == AUTO:
        here = _holding(mounts, os.path.realpath(folder))
        return [here] if here else list(mounts)
    # with -p, a mount point may mean something else in the process's own namespace
    exact = next((mount for mount in reversed(mounts) if mount.mount_point == (wanted.rstrip("/") or "/")), None)
    chosen = exact or _holding(mounts, os.path.realpath(wanted))
    if chosen is None:
        known = ", ".join(mount.mount_point for mount in mounts[:5])
        hint = "" if os.path.exists(wanted) else " (a COMMAND goes behind --)"
        raise UsageError(f"--overlay {wanted}: no overlay is mounted there{hint}; mounted: {known}")
    return [chosen]


def _holding(mounts: Sequence[OverlayMount], path: str) -> OverlayMount | None:
    """The mount that a path lies on: the longest mount point above it."""
    above = [mount for mount in mounts if mount.mount_point == "/" or (path + "/").startswith(mount.mount_point + "/")]
    if not above:
        return None
    # a path below may lie on another file system that is mounted deeper
    best = max(above, key=lambda mount: len(mount.mount_point))
    try:
        same = f"{os.major(os.stat(path).st_dev)}:{os.minor(os.stat(path).st_dev)}" == best.dev
    except OSError:
        return best
    # without xino, files (not folders) of an overlay may answer with another device
    return best if same or not os.path.isdir(path) else None
