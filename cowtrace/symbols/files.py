"""Opening files that a trace names: regular files only, mapped and not read, so that no path in a recording can make us hang or swell."""

from __future__ import annotations

import mmap
import os
import stat
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
#: Path, size, time of change, inode: tells one version of a file from all others.
Identity = tuple[str, int, int, int]


@dataclass(frozen=True, slots=True)
class Opened:
    """A regular file as bytes.

    Attributes:
        path: Where it was found.
        data: uint8[n]; pages are read when they are looked at.
        identity: Which version of the file this is.
        inode: Its number.
    """

    path: Path
    data: Bytes
    identity: Identity
    inode: int


def open_regular(path: Path) -> Opened | None:
    """Map a file; None when it is absent, unreadable, empty, or anything but a regular file.

    A device or pipe is never opened to be read: O_NONBLOCK keeps even the open from waiting.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return None
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size == 0:
            return None
        data = np.frombuffer(mmap.mmap(descriptor, status.st_size, prot=mmap.PROT_READ), np.uint8)
    except (OSError, ValueError):
        return None
    finally:
        os.close(descriptor)
    return Opened(path, data, (str(path), status.st_size, status.st_mtime_ns, status.st_ino), status.st_ino)
