"""Reads source lines and inlined calls from one file's DWARF, as a process of its own.

Run as ``python -m cowtrace.symbols.dwarf_worker FILE SECONDS``: addresses come on standard input, one decimal number a line; answers go
to standard output as JSON lines ``[address, [[linkage name or null, file or null, line or null], ...]]``, innermost call first. DWARF is
a program for a stack machine written by strangers: whatever it does to this process, time and memory are bounded and the caller goes on.
"""

from __future__ import annotations

import json
import posixpath
import resource
import sys
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

_MEMORY_BYTES = 6 << 30
_MAX_NESTING = 64
#: DIEs that have code of others below them.
_OPEN = frozenset({"DW_TAG_namespace", "DW_TAG_lexical_block", "DW_TAG_structure_type", "DW_TAG_class_type", "DW_TAG_module"})
_CALLS = frozenset({"DW_TAG_subprogram", "DW_TAG_inlined_subroutine"})


def main() -> None:
    """Answer what comes on standard input."""
    seconds = int(float(sys.argv[2])) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    from elftools.elf.elffile import ELFFile

    addresses = sorted({int(line) for line in sys.stdin})
    with open(sys.argv[1], "rb") as file:
        elf = ELFFile(file)
        if not elf.has_dwarf_info(strict=True):
            return
        dwarf = elf.get_dwarf_info(relocate_dwarf_sections=False, follow_links=False)
        for unit, wanted in _units(dwarf, addresses):
            rows = _line_rows(dwarf, unit)
            for address in wanted:
                calls = list(_calls_at(dwarf, unit.get_top_DIE(), address, 0))
                frames = _frames(dwarf, unit, calls, _line_at(rows, address))
                if frames:
                    print(json.dumps([address, frames]), flush=True)


def _units(dwarf: Any, addresses: list[int]) -> Iterator[tuple[Any, list[int]]]:
    """Compilation units that have some of the addresses, each with those."""
    table = dwarf.get_aranges()
    by_offset: dict[int, list[int]] = {}
    rest = []
    for address in addresses:
        offset = table.cu_offset_at_addr(address) if table is not None else None
        if offset is None:
            rest.append(address)
        else:
            by_offset.setdefault(offset, []).append(address)
    for offset, wanted in by_offset.items():
        yield dwarf.get_CU_at(offset), wanted
    for unit in dwarf.iter_CUs() if rest else ():
        wanted = [address for address in rest if _covers(dwarf, unit.get_top_DIE(), address)]
        if wanted:
            yield unit, wanted


def _ranges(dwarf: Any, die: Any) -> list[tuple[int, int]] | None:
    """Code of a DIE as (begin, end); None when it names none of its own."""
    attributes = die.attributes
    if "DW_AT_ranges" in attributes:
        base = die.cu.get_top_DIE().attributes.get("DW_AT_low_pc")
        start = base.value if base is not None else 0
        found = []
        for entry in dwarf.range_lists().get_range_list_at_offset(attributes["DW_AT_ranges"].value, cu=die.cu):
            if hasattr(entry, "base_address"):
                start = entry.base_address
                continue
            shift = 0 if getattr(entry, "is_absolute", False) else start
            found.append((entry.begin_offset + shift, entry.end_offset + shift))
        return found
    if "DW_AT_low_pc" not in attributes or "DW_AT_high_pc" not in attributes:
        return None
    low, high = attributes["DW_AT_low_pc"].value, attributes["DW_AT_high_pc"]
    return [(low, high.value if high.form == "DW_FORM_addr" else low + high.value)]


def _covers(dwarf: Any, die: Any, address: int) -> bool:
    return any(begin <= address < end for begin, end in _ranges(dwarf, die) or ())


def _calls_at(dwarf: Any, die: Any, address: int, depth: int) -> Iterator[Any]:
    """The function around an address and the calls inlined there, outermost first."""
    if depth > _MAX_NESTING:
        return
    for child in die.iter_children():
        if child.tag in _CALLS:
            if _covers(dwarf, child, address):
                yield child
                yield from _calls_at(dwarf, child, address, depth + 1)
                return
        elif child.tag in _OPEN and (_ranges(dwarf, child) is None or _covers(dwarf, child, address)):
            inner = list(_calls_at(dwarf, child, address, depth + 1))
            if inner:
                yield from inner
                return


def _frames(dwarf: Any, unit: Any, calls: list[Any], line: tuple[int, int] | None) -> list[list[Any]]:
    program = dwarf.line_program_for_CU(unit)
    place: tuple[str | None, int | None] = (_file(program, unit, line[0]), line[1]) if line is not None else (None, None)
    frames = []
    for call in reversed(calls):
        frames.append([_name(call, 0), *place])
        at = {name: call.attributes[f"DW_AT_call_{name}"].value for name in ("file", "line") if f"DW_AT_call_{name}" in call.attributes}
        place = (_file(program, unit, at["file"]) if "file" in at else None, at.get("line"))
    if not frames and line is not None:
        frames.append([None, *place])
    return frames


def _name(die: Any, depth: int) -> str | None:
    for key in ("DW_AT_linkage_name", "DW_AT_MIPS_linkage_name"):
        if key in die.attributes:
            return _text(die.attributes[key].value)
    for key in ("DW_AT_abstract_origin", "DW_AT_specification"):
        if key in die.attributes and depth < _MAX_NESTING:
            return _name(die.get_DIE_from_attribute(key), depth + 1)
    return _text(die.attributes["DW_AT_name"].value) if "DW_AT_name" in die.attributes else None


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def _line_rows(dwarf: Any, unit: Any) -> list[tuple[int, int, int]]:
    """(address, file, line) of a unit, ascending; file -1 from the end of a sequence on."""
    program = dwarf.line_program_for_CU(unit)
    rows: list[tuple[int, int, int]] = []
    for entry in program.get_entries() if program is not None else ():
        state = entry.state
        if state is not None:
            rows.append((state.address, -1 if state.end_sequence else state.file, state.line))
    # an end and a beginning at one address: the beginning holds; of several rows at one address the last one
    order = sorted(range(len(rows)), key=lambda at: (rows[at][0], rows[at][1] != -1, at))
    return [rows[at] for at in order]


def _line_at(rows: list[tuple[int, int, int]], address: int) -> tuple[int, int] | None:
    at = bisect_right(rows, address, key=lambda row: row[0]) - 1
    if at < 0 or rows[at][1] == -1 or rows[at][2] == 0:
        return None
    return rows[at][1], rows[at][2]


def _file(program: Any, unit: Any, number: int) -> str | None:
    header = program.header
    own = unit.get_top_DIE().attributes.get("DW_AT_comp_dir")
    folders = [_text(folder) for folder in header["include_directory"]]
    files = header["file_entry"]
    if header["version"] < 5:  # counted from 1; folder 0 is the unit's own, and not listed
        folders.insert(0, _text(own.value) if own is not None else "")
        number -= 1
    if not 0 <= number < len(files):
        return None
    name, folder = _text(files[number]["name"]), files[number]["dir_index"]
    return posixpath.normpath(posixpath.join(folders[0] if folders else "", folders[folder] if folder < len(folders) else "", name))


if __name__ == "__main__":
    main()
