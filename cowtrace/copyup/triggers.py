"""System calls that can copy a file up, and what each of them is called in the ledger.

Source of the cases: fs/overlayfs (ovl_open, ovl_setattr, ovl_rename, ovl_link, ovl_xattr_set, ovl_create_object, ovl_do_remove); numbers:
arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
"""

from __future__ import annotations

from dataclasses import dataclass

#: open(2) flags that matter (include/uapi/asm-generic/fcntl.h; the same on x86, arm64 and RISC-V).
O_ACCMODE, O_CREAT, O_TRUNC, O_PATH = 0x3, 0x40, 0x200, 0x200000

#: What the ledger says; the codes are positions.
TRIGGERS = ("open_write", "truncate", "chmod", "chown", "utimes", "rename", "link", "xattr", "create", "unlink", "unknown")
OPEN_WRITE, TRUNCATE, CHMOD, CHOWN, UTIMES, RENAME, LINK, XATTR, CREATE, UNLINK, UNKNOWN = range(len(TRIGGERS))

#: Triggers that need the file's data at once, whatever ``metacopy`` says.
DATA_TRIGGERS = frozenset({OPEN_WRITE, TRUNCATE})
#: Triggers that change metadata only: with ``metacopy=on`` no data is copied.
METADATA_TRIGGERS = frozenset({CHMOD, CHOWN, UTIMES, RENAME, LINK, XATTR})


@dataclass(frozen=True, slots=True)
class Call:
    """One system call.

    Attributes:
        trigger: Code of ``TRIGGERS``.
        flags: Number of the argument with open(2) flags; -1: there is none, or it is behind a pointer (openat2).
        x86_64: Its number there; -1: does not exist.
        generic: Its number on arm64, RISC-V and LoongArch; -1: does not exist.
        path: Number of the argument with the path; -1: it takes a file descriptor.
    """

    trigger: int
    x86_64: int
    generic: int = -1
    flags: int = -1
    path: int = 0


CALLS: dict[str, Call] = {
    "open": Call(OPEN_WRITE, 2, flags=1),
    "creat": Call(OPEN_WRITE, 85),
    "openat": Call(OPEN_WRITE, 257, 56, flags=2, path=1),
    "openat2": Call(OPEN_WRITE, 437, 437, path=1),
    "truncate": Call(TRUNCATE, 76, 45),
    "chmod": Call(CHMOD, 90),
    "fchmod": Call(CHMOD, 91, 52, path=-1),
    "fchmodat": Call(CHMOD, 268, 53, path=1),
    "fchmodat2": Call(CHMOD, 452, 452, path=1),
    "chown": Call(CHOWN, 92),
    "fchown": Call(CHOWN, 93, 55, path=-1),
    "lchown": Call(CHOWN, 94),
    "fchownat": Call(CHOWN, 260, 54, path=1),
    "utime": Call(UTIMES, 132),
    "utimes": Call(UTIMES, 235),
    "futimesat": Call(UTIMES, 261, path=1),
    "utimensat": Call(UTIMES, 280, 88, path=1),
    "rename": Call(RENAME, 82),
    "renameat": Call(RENAME, 264, 38, path=1),
    "renameat2": Call(RENAME, 316, 276, path=1),
    "link": Call(LINK, 86),
    "linkat": Call(LINK, 265, 37, path=1),
    "setxattr": Call(XATTR, 188, 5),
    "lsetxattr": Call(XATTR, 189, 6),
    "fsetxattr": Call(XATTR, 190, 7, path=-1),
    "setxattrat": Call(XATTR, 463, 463, path=1),
    "removexattr": Call(XATTR, 197, 14),
    "lremovexattr": Call(XATTR, 198, 15),
    "fremovexattr": Call(XATTR, 199, 16, path=-1),
    "removexattrat": Call(XATTR, 466, 466, path=1),
    "mkdir": Call(CREATE, 83),
    "mkdirat": Call(CREATE, 258, 34, path=1),
    "mknod": Call(CREATE, 133),
    "mknodat": Call(CREATE, 259, 33, path=1),
    "symlink": Call(CREATE, 88, path=1),
    "symlinkat": Call(CREATE, 266, 36, path=2),
    "unlink": Call(UNLINK, 87),
    "unlinkat": Call(UNLINK, 263, 35, path=1),
    "rmdir": Call(UNLINK, 84),
}
NAMES = tuple(CALLS)

#: Machines (``uname -m``) with the generic table.
_GENERIC = ("aarch64", "riscv64", "loongarch64")


def call_numbers(machine: str) -> dict[int, int]:
    """System call number -> position in ``NAMES`` on a machine; empty where its table is not known."""
    if machine == "x86_64":
        numbers = [call.x86_64 for call in CALLS.values()]
    elif machine in _GENERIC:
        numbers = [call.generic for call in CALLS.values()]
    else:
        return {}
    return {number: code for code, number in enumerate(numbers) if number >= 0}
