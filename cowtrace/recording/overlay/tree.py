"""Walks an upper layer: every entry with its inode, sizes, times and overlay attributes."""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

#: Entries of one layer that are listed; the rest is left out and said so.
MAX_ENTRIES = 1_000_000

# include/uapi/linux/stat.h
_STATX_BASIC_STATS, _STATX_BTIME = 0x7FF, 0x800
# struct ovl_fb: version, magic, length, flags (1: big endian), type, uuid[16], then the handle; types: include/linux/exportfs.h, fs/xfs
_HANDLE_BYTES, _HANDLE_MAGIC, _INO32_GEN, _XFS_INO64_GEN = 21, 0xFB, 1, 0x81
_AT_FDCWD, _AT_SYMLINK_NOFOLLOW = -100, 0x100
_STATX = struct.Struct("<IIQIIIHxxQQQQ qIi qIi qIi qIi IIII")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a layer. ``copied``: it came from a lower layer; None when its attributes can't be read."""

    path: bytes
    type: str
    inode: int
    dev: str
    mode: int
    owner: tuple[int, int]
    size_bytes: int
    alloc_bytes: int
    mtime_ns: int
    ctime_ns: int
    birth_ns: int | None
    copied: bool | None = None
    metacopy: bool | None = None
    redirect: bytes | None = None
    origin_inode: int | None = None


def entry_at(full: bytes, path: bytes) -> Entry:
    """The entry at ``full``, by statx(2), which tells the time of birth; overlay attributes are not read.

    Raises:
        OSError: It is gone.
    """
    buffer = ctypes.create_string_buffer(256)
    if _libc.statx(_AT_FDCWD, full, _AT_SYMLINK_NOFOLLOW, _STATX_BASIC_STATS | _STATX_BTIME, buffer) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), full)
    mask, _, _, _, uid, gid, mode, inode, size, blocks, _, *rest = _STATX.unpack_from(buffer.raw)
    _, _, _, born, born_ns, _, changed, changed_ns, _, modified, modified_ns, _, rmajor, rminor, major, minor = rest
    return Entry(
        path=path,
        type=_type(mode, rmajor, rminor),
        inode=inode,
        dev=f"{major}:{minor}",
        mode=stat.S_IMODE(mode),
        owner=(uid, gid),
        size_bytes=size,
        alloc_bytes=blocks * 512,
        mtime_ns=modified * 10**9 + modified_ns,
        ctime_ns=changed * 10**9 + changed_ns,
        birth_ns=born * 10**9 + born_ns if mask & _STATX_BTIME else None,
    )


def walk(top: bytes, prefix: str) -> Iterator[Entry]:
    """All entries below a folder, folders before what is in them; what vanishes meanwhile is left out.

    Args:
        top: The layer.
        prefix: Of its attributes: ``trusted.overlay.`` or ``user.overlay.``.
    """
    pending = [b""]
    while pending:
        folder = pending.pop()
        try:
            names = sorted(os.listdir(os.path.join(top, folder)))
        except (FileNotFoundError, NotADirectoryError):
            continue
        for name in names:
            path = os.path.join(folder, name) if folder else name
            try:
                entry = _with_attributes(entry_at(os.path.join(top, path), path), top, prefix)
            except (FileNotFoundError, NotADirectoryError):
                continue
            yield entry
            if entry.type == "dir":
                pending.append(path)


def _with_attributes(entry: Entry, top: bytes, prefix: str) -> Entry:
    full = os.path.join(top, entry.path)
    try:
        names = os.listxattr(full, follow_symlinks=False)
    except OSError:
        return entry
    if prefix.startswith("trusted.") and not _may_read_trusted:
        return entry
    known = {name.removeprefix(prefix) for name in names if name.startswith(prefix)}
    redirect = _attribute(full, prefix + "redirect") if "redirect" in known else None
    origin = inode_of(_attribute(full, prefix + "origin")) if "origin" in known else None
    kind = "whiteout" if "whiteout" in known else entry.type
    copied = bool(known & {"origin", "metacopy", "redirect"})
    return replace(entry, type=kind, copied=copied, metacopy="metacopy" in known, redirect=redirect, origin_inode=origin)


def _attribute(full: bytes, name: str) -> bytes | None:
    try:
        return os.getxattr(full, name, follow_symlinks=False)
    except OSError:
        return None


def inode_of(handle: bytes | None) -> int | None:
    """The inode in an overlay file handle (fs/overlayfs/overlayfs.h, struct ovl_fb): None for kinds that don't say it plainly."""
    if handle is None or len(handle) < _HANDLE_BYTES or handle[1] != _HANDLE_MAGIC or handle[3] & 1:
        return None
    kind, words = handle[4], handle[_HANDLE_BYTES:]
    if kind == _INO32_GEN and len(words) == 8:
        return int.from_bytes(words[:4], "little")
    if kind == _INO32_GEN and len(words) == 12:  # tmpfs: generation, then both halves of the inode
        return int.from_bytes(words[4:12], "little")
    if kind == _XFS_INO64_GEN and len(words) >= 8:
        return int.from_bytes(words[:8], "little")
    return None


def _type(mode: int, rmajor: int, rminor: int) -> str:
    if stat.S_ISCHR(mode) and (rmajor, rminor) == (0, 0):
        return "whiteout"
    for test, name in ((stat.S_ISREG, "file"), (stat.S_ISDIR, "dir"), (stat.S_ISLNK, "link")):
        if test(mode):
            return name
    return "other"


# listxattr hides trusted.* without CAP_SYS_ADMIN; root of this namespace is the best that can be asked for
_may_read_trusted = os.geteuid() == 0
_libc = ctypes.CDLL(None, use_errno=True)
