"""The line that smaps and maps print for each mapping.

``55d87a5b7000-55d87a5b8000 r--p 00000000 fe:00 2238827                    /usr/bin/with space (deleted)``

Start, end, permissions, offset, device and inode are apart by one blank; the path is the rest of the line from the
first non-blank (fs/proc/task_mmu.c, show_map_vma). It may hold anything but a newline, which is printed as ``\\012``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cowtrace.parsers.procfs.lines import Bytes, Index, Lines, Mask, Words
from cowtrace.parsers.procfs.scans import scan_decimal, scan_hex

#: What the kernel writes in place of a path in the one line of smaps_rollup.
ROLLUP_PATH = b"[rollup]"
#: The shortest is ``0-1 ---p 0 0:0 0``.
MIN_MAPPING_BYTES = 16
_PERMS = [(ord(letter), ord(other)) for letter, other in ("r-", "w-", "x-", "sp")]


@dataclass(slots=True)
class Mappings:
    """Mapping lines, column by column; one element per line, valid where ``is_mapping``.

    Attributes:
        is_mapping: The line has the form of a mapping and its end lies after its start.
        start_addr: First byte.
        end_addr: One past the last byte.
        perms: The four letters as a little-endian number.
        pgoff: Offset in the file, bytes.
        major: Device.
        minor: Device.
        inode: Inode number.
        paths: Path as printed, b"" when there is none.
    """

    is_mapping: Mask
    start_addr: Words
    end_addr: Words
    perms: Words
    pgoff: Words
    major: Words
    minor: Words
    inode: Words
    paths: list[bytes]

    def only_valid(self) -> Mappings:
        """The lines that are mappings."""
        keep = self.is_mapping
        arrays = (self.start_addr, self.end_addr, self.perms, self.pgoff, self.major, self.minor, self.inode)
        start_addr, end_addr, perms, pgoff, major, minor, inode = (array[keep] for array in arrays)
        paths = [path for path, valid in zip(self.paths, keep.tolist(), strict=True) if valid]
        return Mappings(keep[keep], start_addr, end_addr, perms, pgoff, major, minor, inode, paths)


def scan_mappings(lines: Lines, which: Index) -> Mappings:
    """Read the lines with the numbers ``which`` as mapping lines."""
    starts, ends = lines.starts[which], lines.ends[which]
    start_addr, at = scan_hex(lines, starts)
    good = (at > starts) & (lines.buf[at] == ord("-"))
    end_addr, after = scan_hex(lines, at + 1)
    good &= (after > at + 1) & (lines.buf[after] == ord(" ")) & (end_addr > start_addr)
    perms = lines.words[after + 1] & np.uint64(0xFFFFFFFF)
    for place, letters in enumerate(_PERMS, start=1):
        good &= _one_of(lines.buf[after + place], letters)
    at = after + 5
    good &= lines.buf[at] == ord(" ")
    pgoff, after = scan_hex(lines, at + 1)
    good &= (after > at + 1) & (lines.buf[after] == ord(" "))
    major, at = scan_hex(lines, after + 1)
    good &= (at > after + 1) & (lines.buf[at] == ord(":"))
    minor, after = scan_hex(lines, at + 1)
    good &= (after > at + 1) & (lines.buf[after] == ord(" ")) & ((major | minor) >> np.uint64(32) == 0)
    inode, at = scan_decimal(lines, after + 1)
    # A line that lost its trailing blanks ends right after the inode.
    good &= (at > after + 1) & ((lines.buf[at] == ord(" ")) | (at == ends)) & (at <= ends)
    spans = zip(good.tolist(), at.tolist(), ends.tolist(), strict=True)
    paths = [lines.data[low:high].lstrip(b" ") if valid else b"" for valid, low, high in spans]
    return Mappings(good, start_addr, end_addr, perms, pgoff, major, minor, inode, paths)


def _one_of(values: Bytes, letters: tuple[int, int]) -> Mask:
    result: Mask = (values == letters[0]) | (values == letters[1])
    return result
