"""Tables that no store holds: names of code, found on this machine when a question first needs them (``cowtrace.symbols``)."""

from __future__ import annotations

import pyarrow as pa

from cowtrace.schema.column import Column, Table, address, key, ts_ns

FRAME = Table(
    "frame",
    "one distinct place in code that faulted or is in a call chain",
    (
        key("frame_id", "This row's number."),
        Column("dso", pa.string(), "File, [kernel.kallsyms], [module], perf-PID.map; NULL where no mapping explains it.", nullable=True),
        Column("build_id", pa.string(), "Recorded GNU build-id, hex.", nullable=True),
        address("address", "Within the file, as its symbols count; the address itself for kernel and processes."),
        Column("symbol", pa.string(), "Function, demangled; NULL where none is known.", nullable=True),
        Column("linkage_name", pa.string(), "Its name before demangling, where that differs.", nullable=True),
        Column("symbol_offset", pa.int64(), "Bytes from the function's start.", unit="bytes", nullable=True),
    ),
)

_SPACE = key("text_mm_id", "Address space whose mappings say what lies there, as in text_space.", nullable=True)
_FROM = ts_ns("From when on the address means this place.", name="start_ns")
_UNTIL = ts_ns("From when on it no longer does.", name="end_ns")

IP_FRAME = Table(
    "ip_frame",
    "one faulting instruction of an address space and the place that it is",
    (_SPACE, address("ip", "As in fault."), _FROM, _UNTIL, key("frame_id", "Row of frame.")),
)

STACK_FRAME = Table(
    "stack_frame",
    "one call of a call chain of an address space",
    (
        _SPACE,
        key("stack_id", "Row of stack."),
        _FROM,
        _UNTIL,
        Column("depth", pa.int32(), "0: innermost. Context markers are left out."),
        key("frame_id", "Row of frame."),
    ),
)

TEXT_SPACE = Table(
    "text_space",
    "one address space, and the one that mapped the code it runs",
    (key("mm_id", "Row of process."), key("text_mm_id", "Itself, or the ancestor from which it inherits all its code.")),
)

CODE_LINE = Table(
    "code_line",
    "one call at a place in code: its function, and those that the compiler merged into it",
    (
        key("frame_id", "Row of frame."),
        Column("level", pa.int32(), "0: innermost; each further one called the one before, up to the function of frame."),
        Column("symbol", pa.string(), "Function, demangled; NULL where the debug information names none.", nullable=True),
        Column("source_file", pa.string(), "As the compiler was told; NULL where not said.", nullable=True),
        Column("source_line", pa.int64(), "Line; of an outer call where it calls.", nullable=True),
    ),
)

SYMBOL_NOTE = Table("symbol_note", "one reason why names are missing", (Column("note", pa.string(), "A sentence."),))

DERIVED: dict[str, Table] = {table.name: table for table in (FRAME, IP_FRAME, STACK_FRAME, TEXT_SPACE, CODE_LINE, SYMBOL_NOTE)}
