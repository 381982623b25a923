"""Names of kernel functions from ``/proc/kallsyms``, as recorders store it: ``address type name [module]``, one a line.

Source: kernel/kallsyms.c (s_show). Addresses that the kernel hid are zero; such a table names nothing.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import zstandard

from cowtrace.errors import InputError
from cowtrace.parsers.words import Array
from cowtrace.text import decode_name

_LINE = re.compile(rb"^([0-9a-fA-F]{1,16}) ([A-Za-z?]) (\S+)(?:[ \t]+\[([^\]\n]+)\])?", re.MULTILINE)
#: A tracer may note the address behind a landing pad or patch area instead of the first byte (x86 ENDBR, arm64 BTI).
ENTRY_BYTES = 32
#: A whole table is about 10 MB.
_TEXT_BYTES_MAX = 256 << 20
#: Where recorders put a copy of the table, beside the recording.
COMPANIONS = ("kallsyms.zst", "kallsyms")


class Kallsyms:
    """Symbols by address.

    Args:
        text: Contents of kallsyms; lines of another form are passed over.
    """

    def __init__(self, text: bytes) -> None:
        found = [(int(m[1], 16), m[2] in b"tTwW", m[3], m[4]) for m in _LINE.finditer(text) if m[1].strip(b"0")]
        # of several names at one address that of a function is taken, and of those the first
        found.sort(key=lambda item: (item[0], not item[1]))
        address = np.array([item[0] for item in found], np.uint64)
        first = np.flatnonzero(np.append(True, address[1:] != address[:-1])) if found else np.empty(0, np.int64)
        self._address = address[first]
        self._name = [found[place] for place in first.tolist()]

    def __len__(self) -> int:
        return len(self._address)

    def names(self, values: Array, *, within_bytes: int = ENTRY_BYTES) -> list[str]:
        """Name of the function at each address, a module's as ``ovl_open [overlay]``; ``0x…`` for what has none.

        Args:
            values: Addresses.
            within_bytes: How far behind a symbol an address may lie to be named by it.
        """
        wanted = np.asarray(values).astype(np.uint64, copy=False)
        slot = np.searchsorted(self._address, wanted, side="right") - 1
        result = []
        for value, place in zip(wanted.tolist(), slot.tolist(), strict=True):
            symbol = self._name[place] if place >= 0 else None
            if symbol is None or value - symbol[0] >= within_bytes:
                result.append(f"0x{value:x}")
            else:
                module = f" [{decode_name(symbol[3])}]" if symbol[3] else ""
                result.append(decode_name(symbol[2]) + module)
        return result


def beside(path: str) -> Kallsyms:
    """The table that lies beside a recording; an empty one without it.

    Raises:
        InputError: It can't be unpacked.
    """
    folder = Path(path) if os.path.isdir(path) else Path(path).parent
    for name in COMPANIONS:
        file = folder / name
        if file.is_file():
            return Kallsyms(_text(file))
    return Kallsyms(b"")


def _text(file: Path) -> bytes:
    try:
        with open(file, "rb") as stream:
            if file.suffix != ".zst":
                return stream.read(_TEXT_BYTES_MAX)
            with zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True) as plain:
                return plain.read(_TEXT_BYTES_MAX)
    except (OSError, zstandard.ZstdError) as error:
        raise InputError(file, f"can't be read ({error})", hint="remove it: kernel functions then stay without names") from None
