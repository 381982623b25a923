"""Source lines and inlined calls of places in code, from DWARF; read in a process of its own, within a time, and kept per build."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import zlib
from pathlib import Path

from cowtrace.symbols.cache import keep_lines, kept_lines
from cowtrace.symbols.elf import SHF_COMPRESSED, Elf
from cowtrace.symbols.files import Identity
from cowtrace.symbols.table import Int

#: Sections of debug information, unpacked: DWARF is read by pure Python, for which more is out of reach anyway.
_MAX_DEBUG_BYTES = 512 << 20

#: ``(linkage name, file, line)`` of each call at one address, innermost first; None where not said.
Calls = list[tuple[str | None, str | None, int | None]]


class LineReader:
    """Asks for lines file by file until the time is over.

    Args:
        seconds: All asking together.

    Attributes:
        notes: What was left out, one sentence each.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.notes: list[str] = []

    def calls(self, name: str, elf: Elf, identity: Identity, addresses: Int) -> dict[int, Calls]:
        """Calls at addresses of one file; those without lines are absent.

        Args:
            name: For notes.
            elf: The file with debug information.
            identity: Where it lies, and which version of it this is.
            addresses: int64[n], as the file's symbols count.
        """
        size_bytes = _debug_bytes(elf)
        if size_bytes == 0:
            return {}
        known = kept_lines(identity)
        wanted = sorted({int(address) for address in addresses} - known.keys())
        if wanted and size_bytes > _MAX_DEBUG_BYTES:
            self.notes.append(f"{name}: source lines left out, more than {_MAX_DEBUG_BYTES >> 20} MiB of debug information")
        elif wanted and self._seconds <= 0:
            self.notes.append(f"{name}: source lines left out, the time for them is over")
        elif wanted:
            answers, whole = self._ask(name, Path(identity[0]), wanted)
            known |= answers
            if whole:
                known |= {address: [] for address in wanted if address not in answers}
            keep_lines(identity, known)
        return {address: calls for address in addresses.tolist() if (calls := known.get(address))}

    def _ask(self, name: str, path: Path, wanted: list[int]) -> tuple[dict[int, Calls], bool]:
        """Answers, and whether the worker came to its end."""
        begin = time.monotonic()
        command = [sys.executable, "-m", "cowtrace.symbols.dwarf_worker", str(path), str(self._seconds)]
        text = "\n".join(map(str, wanted)).encode()
        try:
            done = subprocess.run(command, input=text, capture_output=True, timeout=self._seconds, check=False)
            output, whole = done.stdout, done.returncode == 0
            problem = "" if whole else "damaged debug information"
        except subprocess.TimeoutExpired as error:
            output, whole, problem = error.stdout or b"", False, "the time for them is over"
        self._seconds -= time.monotonic() - begin
        if problem:
            self.notes.append(f"{name}: source lines left out, {problem}")
        answers: dict[int, Calls] = {}
        for line in output.splitlines(keepends=True):
            if line.endswith(b"\n"):  # the last one may be cut
                address, calls = json.loads(line)
                answers[address] = [(call[0], call[1], call[2]) for call in calls]
        return answers, whole


def _debug_bytes(elf: Elf) -> int:
    """Unpacked size of all debug sections; compressed ones are unpacked to see, since their headers may lie."""
    total = 0
    for section in elf.sections:
        if not section.name.startswith((".debug_", ".zdebug_")):
            continue
        if not section.flags & SHF_COMPRESSED:
            total += len(elf.content(section))
            continue
        unpacker, head = zlib.decompressobj(), 24 if elf.is_64 else 12  # Elf64_Chdr, Elf32_Chdr
        rest = elf.data[section.offset + head : section.offset + section.size].tobytes()
        try:
            while rest and total <= _MAX_DEBUG_BYTES:
                total += len(unpacker.decompress(rest, 1 << 20))
                rest = unpacker.unconsumed_tail
        except zlib.error:
            return 0
    return total
