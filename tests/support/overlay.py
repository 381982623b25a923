"""Overlay mounts for live tests and samples: made, walked for truth, and always taken away again."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

UPPER_BYTES = 512 << 20


@dataclass(frozen=True)
class Workload:
    """What is done to an image, and what that must cause.

    Attributes:
        image: Fills the lower layer.
        command: Run within the mount.
        triggers: Path -> trigger, for everything that is copied up.
        later: Files whose data follows later when metadata is copied alone, with the trigger of that.
    """

    name: str
    about: str
    image: Callable[[Path], None]
    command: str
    triggers: dict[str, str]
    later: dict[str, str]


@dataclass(frozen=True)
class Mounted:
    """A mounted overlay."""

    point: Path
    upper: Path
    lower: Path


def unavailable() -> str | None:
    """Why no overlay can be mounted here; None when it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "needs Linux and root to mount an overlay"
    if "overlay" not in Path("/proc/filesystems").read_text():
        return "this kernel has no overlayfs"
    if not Path("/sys/module/overlay/parameters/metacopy").exists():
        return "this kernel's overlayfs knows no metacopy"
    for program in ("mount", "umount", "mkfs.ext4"):
        if shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") is None:
            return f"{program} is not installed"
    try:
        with overlay("tmpfs", metacopy=False, image=lambda lower: None):
            return None
    except (OSError, subprocess.CalledProcessError) as error:
        return f"mounting is not allowed here ({error})"


@contextmanager
def overlay(kind: str, *, metacopy: bool, image: Callable[[Path], None], options: str = "") -> Iterator[Mounted]:
    """An overlay whose upper layer lies on an ``ext4`` of its own or on ``tmpfs``; unmounted and removed at the end, whatever happens."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="overlay-")))
        (lower := home / "image").mkdir()
        (disk := home / "disk").mkdir()
        (point := home / "merged").mkdir()
        if kind == "ext4":
            backing = home / "backing"
            with backing.open("wb") as file:
                file.truncate(UPPER_BYTES)
            _run("mkfs.ext4", "-q", "-F", str(backing))
            _mount(stack, disk, "-o", "loop", str(backing))
        else:
            _mount(stack, disk, "-t", "tmpfs", "-o", f"size={UPPER_BYTES}", "upper")
        (upper := disk / "upper").mkdir()
        (disk / "work").mkdir()
        image(lower)
        wanted = f"lowerdir={lower},upperdir={upper},workdir={disk / 'work'},metacopy={'on' if metacopy else 'off'}{options}"
        _mount(stack, point, "-t", "overlay", "-o", wanted, "overlay")
        yield Mounted(point, upper, lower)


def _mount(stack: ExitStack, target: Path, *arguments: str) -> None:
    _run("mount", *arguments, str(target))
    stack.callback(_run, "umount", str(target))


def _run(*command: str) -> None:
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    done = subprocess.run(command, check=False, capture_output=True, text=True, env={**os.environ, "PATH": path})
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")


def walk(mounted: Mounted) -> list[dict[str, Any]]:
    """What the upper layer holds, by the kernel's own word: one entry a copy (``copied``) or new file."""
    found = []
    for folder, folders, files in os.walk(mounted.upper):
        for name in [*folders, *files]:
            path = Path(folder) / name
            status = path.lstat()
            if stat.S_ISCHR(status.st_mode):
                continue
            names = os.listxattr(path, follow_symlinks=False)
            found.append(
                {
                    "path": str(path.relative_to(mounted.upper)),
                    "is_file": stat.S_ISREG(status.st_mode),
                    "inode": status.st_ino,
                    "size_bytes": status.st_size,
                    "disk_bytes": status.st_blocks * 512,
                    "copied": "trusted.overlay.origin" in names,
                    "metacopy": "trusted.overlay.metacopy" in names,
                }
            )
    return sorted(found, key=lambda entry: str(entry["path"]))


def disagreements(rows: list[dict[str, Any]], truth: list[dict[str, Any]], workload: Workload, point: str) -> list[str]:
    """What a ledger says otherwise than the upper layer: bytes, missing and invented copies, causes. Empty: all is right."""
    wrong = []
    copied = {entry["path"]: entry for entry in truth if entry["copied"]}
    named: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        named.setdefault((row["path"] or "").removeprefix(point + "/"), []).append(row)
    wrong += [f"{path}: copied up, not in the ledger" for path in copied.keys() - named.keys()]
    wrong += [f"{path}: in the ledger, not copied up" for path in named.keys() - copied.keys()]
    for path in sorted(copied.keys() & named.keys()):
        first, *more = named[path]
        if first["trigger"] != workload.triggers.get(path):
            wrong.append(f"{path}: {first['trigger']}, was {workload.triggers.get(path)} (by {first['matched_by']})")
        entry = copied[path]
        wanted = [workload.later[path]] if path in workload.later and first["metadata_only"] and entry["is_file"] else []
        if [row["trigger"] for row in more] != wanted:
            wrong.append(f"{path}: then {[row['trigger'] for row in more]}, was {wanted}")
        if entry["metacopy"] and any(row["copied_bytes"] for row in named[path]):
            wrong.append(f"{path}: data copied, has none in the upper layer")
    data = sum(entry["size_bytes"] for entry in copied.values() if entry["is_file"] and not entry["metacopy"])
    explained = sum(row["copied_bytes"] or 0 for row in rows if row["trigger"] != "unknown")
    if not 0.99 * data <= explained <= 1.01 * data:
        wrong.append(f"{explained} bytes explained of {data} in the upper layer")
    return wrong
