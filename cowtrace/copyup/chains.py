"""Call chains that tell a copy-up: kernel functions of overlayfs among their addresses.

fs/overlayfs/copy_up.c: ``ovl_copy_up``, ``ovl_copy_up_flags`` and ``ovl_copy_up_with_data`` are also entered when nothing is left to copy;
``ovl_copy_up_one`` and what it calls are not. Which of them the compiler inlines differs between builds, so any of them will do.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cowtrace.attribution.asof import Int
from cowtrace.attribution.stacks import StackTable

#: Bits of what a chain says.
COPY_UP, DATA = 1, 2
_ENTERED_FOR_NOTHING = frozenset({"ovl_copy_up", "ovl_copy_up_flags", "ovl_copy_up_with_data"})
_MOVES_DATA = frozenset({"ovl_copy_up_file", "do_splice_direct", "splice_direct_to_actor", "vfs_clone_file_range", "do_clone_file_range"})
#: PERF_CONTEXT_MAX, include/uapi/linux/perf_event.h.
_MARKERS_FROM = np.uint64((1 << 64) - 4095)
_KALLSYMS_MAX_BYTES = 256 << 20


class FunctionRanges:
    """Where the functions lie that matter, from the text of /proc/kallsyms.

    Args:
        kallsyms: ``address type name [module]`` a line; ordered or not.
    """

    def __init__(self, kallsyms: bytes) -> None:
        symbols: list[tuple[int, int]] = []
        for line in kallsyms.splitlines():
            words = line.split(None, 3)
            if len(words) >= 3:
                try:
                    symbols.append((int(words[0], 16), _bits(words[2].decode("ascii", "replace").split(".")[0])))
                except ValueError:
                    continue
        symbols.sort()
        self.starts = np.array([address for address, _ in symbols], np.uint64)
        self.bits = np.array([bits for _, bits in symbols], np.int8)

    @property
    def known(self) -> bool:
        """True when some function of a copy-up was found."""
        return bool((self.bits & COPY_UP).any())

    def bits_of(self, ips: np.ndarray) -> np.ndarray:
        """What each address says: int8[n]."""
        place = np.searchsorted(self.starts, ips, side="right") - 1
        # the highest values are perf's context markers, no addresses
        return np.where((place >= 0) & (ips < _MARKERS_FROM), self.bits[np.maximum(place, 0)], 0).astype(np.int8)


def _bits(name: str) -> int:
    inside = name.startswith(("ovl_copy_up", "ovl_do_copy_up")) and name not in _ENTERED_FOR_NOTHING
    return (COPY_UP if inside else 0) | (DATA if name in _MOVES_DATA else 0)


class ChainMarks:
    """Bits of every distinct call chain of a recording, found once each.

    Args:
        stacks: The recording's chains; grows.
        ranges: Functions by address; None when the recording came without.
    """

    def __init__(self, stacks: StackTable, ranges: FunctionRanges | None) -> None:
        self._stacks = stacks
        self._ranges = ranges if ranges is not None and ranges.known else None
        self._bits = np.zeros(0, np.int8)

    @property
    def usable(self) -> bool:
        """True when chains can tell anything."""
        return self._ranges is not None

    def of(self, stack: Int) -> np.ndarray:
        """Bits of stack numbers (-1: none): int8[n]. DATA counts only within a copy-up."""
        if self._ranges is None:
            return np.zeros(len(stack), np.int8)
        fresh = self._stacks.chains_from(len(self._bits))
        if fresh:
            lengths = np.array([len(chain) for chain in fresh])
            bits = self._ranges.bits_of(np.concatenate(fresh))
            joined = np.bitwise_or.reduceat(bits, np.r_[0, np.cumsum(lengths)[:-1]]) if len(bits) else np.zeros(0, np.int8)
            joined[(joined & COPY_UP) == 0] = 0
            self._bits = np.concatenate([self._bits, joined])
        return np.where(stack >= 0, self._bits[np.maximum(stack, 0)] if len(self._bits) else 0, 0).astype(np.int8)


def read_kallsyms(folder: Path) -> FunctionRanges | None:
    """The functions that ``cowtrace record`` saved beside a recording; None without."""
    for name in ("kallsyms.zst", "kallsyms"):
        path = folder / name
        try:
            raw = path.read_bytes()
        except OSError:
            continue
        if name.endswith(".zst"):
            import zstandard

            try:
                raw = zstandard.ZstdDecompressor().stream_reader(raw).read(_KALLSYMS_MAX_BYTES)
            except zstandard.ZstdError:
                return None
        return FunctionRanges(raw)
    return None
