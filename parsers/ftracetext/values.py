"""Words of tracepoint texts as numbers: what the kernel prints by name has a number in the binary record.

Sources: include/trace/events/mmflags.h, include/linux/gfp_types.h, include/trace/events/sched.h, include/trace/events/kmem.h.
"""

from __future__ import annotations

import re
from functools import lru_cache

_BITS = {
    "DMA": 0, "HIGHMEM": 1, "DMA32": 2, "MOVABLE": 3, "RECLAIMABLE": 4, "HIGH": 5, "IO": 6, "FS": 7, "ZERO": 8, "ATOMIC": 9,
    "DIRECT_RECLAIM": 10, "KSWAPD_RECLAIM": 11, "WRITE": 12, "NOWARN": 13, "RETRY_MAYFAIL": 14, "NOFAIL": 15, "NORETRY": 16,
    "MEMALLOC": 17, "COMP": 18, "NOMEMALLOC": 19, "HARDWALL": 20, "THISNODE": 21, "ACCOUNT": 22, "ZEROTAGS": 23, "NO_OBJ_EXT": 24,
}  # fmt: skip
_GFP = {f"__GFP_{name}": 1 << bit for name, bit in _BITS.items()}
_RECLAIM = _GFP["__GFP_DIRECT_RECLAIM"] | _GFP["__GFP_KSWAPD_RECLAIM"]
_NOFS = _RECLAIM | _GFP["__GFP_IO"]
_KERNEL = _NOFS | _GFP["__GFP_FS"]
_HIGHUSER = _KERNEL | _GFP["__GFP_HARDWALL"] | _GFP["__GFP_HIGHMEM"]
_MOVABLE = _HIGHUSER | _GFP["__GFP_MOVABLE"]
_HUGE = (_MOVABLE | _GFP["__GFP_COMP"] | _GFP["__GFP_NOMEMALLOC"] | _GFP["__GFP_NOWARN"]) & ~_RECLAIM
_GFP |= {
    "__GFP_RECLAIM": _RECLAIM,
    "GFP_NOIO": _RECLAIM,
    "GFP_NOFS": _NOFS,
    "GFP_KERNEL": _KERNEL,
    "GFP_KERNEL_ACCOUNT": _KERNEL | _GFP["__GFP_ACCOUNT"],
    "GFP_USER": _KERNEL | _GFP["__GFP_HARDWALL"],
    "GFP_HIGHUSER": _HIGHUSER,
    "GFP_HIGHUSER_MOVABLE": _MOVABLE,
    "GFP_TRANSHUGE_LIGHT": _HUGE,
    "GFP_TRANSHUGE": _HUGE | _GFP["__GFP_DIRECT_RECLAIM"],
    "GFP_ATOMIC": _GFP["__GFP_HIGH"] | _GFP["__GFP_KSWAPD_RECLAIM"],
    "GFP_NOWAIT": _GFP["__GFP_KSWAPD_RECLAIM"] | _GFP["__GFP_NOWARN"],
    "GFP_DMA": _GFP["__GFP_DMA"],
    "GFP_DMA32": _GFP["__GFP_DMA32"],
    "none": 0,
}
_STATES = {"R": 0, "S": 1, "D": 2, "T": 4, "t": 8, "X": 16, "Z": 32, "P": 64, "I": 128, "+": 256}
_MEMBERS = {"MM_FILEPAGES": 0, "MM_ANONPAGES": 1, "MM_SWAPENTS": 2, "MM_SHMEMPAGES": 3}
_BOOLS = {"false": 0, "true": 1, "n": 0, "y": 1, "N": 0, "Y": 1}

_NUMBER = re.compile(r"^(?:(-?)0[xX]([0-9a-fA-F]{1,16})|(-?\d{1,20}))$")
_U64 = 1 << 64


def number(text: str) -> int | None:
    """A decimal number or a hexadecimal one with 0x; None for anything else, hashed pointers among it."""
    match = _NUMBER.match(text)
    if match is None:
        return None
    if match[3] is not None:
        # %p prints 16 digits without 0x
        if len(text) == 16:
            return None
        value = int(text)
    else:
        value = int(match[2], 16) * (-1 if match[1] else 1)
    return value if -(1 << 63) <= value < _U64 else None


def hexadecimal(text: str) -> int | None:
    """A hexadecimal number, 0x or not."""
    try:
        value = int(text, 16)
    except ValueError:
        return None
    return value if 0 <= value < _U64 else None


@lru_cache(maxsize=4096)
def gfp(text: str) -> int | None:
    """``GFP_KERNEL|__GFP_ZERO`` or a number, with the bits that kernels have had since 4.19."""
    total = 0
    for word in text.split("|"):
        bits = _GFP.get(word)
        if bits is None:
            bits = number(word)
        if bits is None:
            return None
        total |= bits
    return total


def task_state(text: str) -> int | None:
    """``S``, ``R+``, ``D|K`` or a number, with the bits that kernels have had since 4.14."""
    plain = number(text)
    if plain is not None:
        return plain
    total = 0
    for letter in text.replace("|", ""):
        if letter not in _STATES:
            return None
        total |= _STATES[letter]
    return total


def member(text: str) -> int | None:
    """A counter of ``mm_struct`` by its name or number (include/linux/mm_types_task.h)."""
    return _MEMBERS[text] if text in _MEMBERS else number(text)


def boolean(text: str) -> int | None:
    """``true``, ``false`` or a number."""
    return _BOOLS[text] if text in _BOOLS else number(text)


_WITH_SYMBOL = re.compile(r"^\S* ?\((0x[0-9a-fA-F]{1,16})\)$")


def address(text: str) -> int | None:
    """A number, also one behind its symbol: ``do_fault (0xffffffff8175336a)``. A symbol alone is none."""
    plain = number(text)
    if plain is not None:
        return plain % _U64
    match = _WITH_SYMBOL.match(text)
    return int(match[1], 16) if match else None
