"""Format texts as kernels write them."""

from __future__ import annotations

from cowtrace.parsers.base import FieldDesc
from cowtrace.parsers.traceevent.format import parse_format

TEXT = """name: page_fault_user
ID: 190
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

\tfield:unsigned long address;\toffset:8;\tsize:8;\tsigned:0;

print fmt: "address=%ps field:int fake; offset:1; size:1;", (void *)REC->address
"""


def _field(line: str, long_size: int = 8) -> FieldDesc:
    event = parse_format(f"name: e\nID: 1\nformat:\n{line}\n", "sys", long_size)
    assert event is not None
    return event.fields[0]


def test_an_event() -> None:
    event = parse_format(TEXT, "exceptions")
    assert event is not None
    assert (event.system, event.name, event.id) == ("exceptions", "page_fault_user", 190)
    assert event.fields == (
        FieldDesc("common_type", "unsigned short", 0, 2, False, "int", 2),
        FieldDesc("common_pid", "int", 4, 4, True, "int", 4),
        FieldDesc("address", "unsigned long", 8, 8, False, "int", 8),
    )


def test_kinds_of_fields() -> None:
    lines = {
        "field:char comm[16];\toffset:8;\tsize:16;\tsigned:0;": ("comm", "string", 1, 16),
        "field:__data_loc char[] name;\toffset:8;\tsize:4;\tsigned:0;": ("name", "data_loc", 1, 4),
        "field:__data_loc unsigned long[] ips;\toffset:8;\tsize:4;\tsigned:0;": ("ips", "data_loc", 8, 4),
        "field:__rel_loc char[] cmd;\toffset:8;\tsize:4;\tsigned:0;": ("cmd", "rel_loc", 1, 4),
        "field:const char * filename;\toffset:16;\tsize:8;\tsigned:0;": ("filename", "int", 8, 8),
        "field:unsigned long args[6];\toffset:16;\tsize:48;\tsigned:0;": ("args", "array", 8, 48),
        "field:unsigned long nrs[NR_ENUM];\toffset:16;\tsize:24;\tsigned:0;": ("nrs", "array", 8, 24),
        "field:u8 pairs[3][2];\toffset:16;\tsize:6;\tsigned:0;": ("pairs", "array", 1, 6),
        "field:char buf[];\toffset:16;\tsize:0;\tsigned:0;": ("buf", "string", 1, 0),
        "field:bool writable;\toffset:16;\tsize:1;\tsigned:0;": ("writable", "int", 1, 1),
        "field:cpumask_t mask;\toffset:16;\tsize:128;\tsigned:0;": ("mask", "array", 1, 128),
        # before Linux 2.6.33 there was no sign
        "field:int old;\toffset:8;\tsize:4;": ("old", "int", 4, 4),
    }
    for line, expected in lines.items():
        field = _field("\t" + line)
        assert (field.name, field.kind, field.element_size, field.size) == expected


def test_a_long_is_as_long_as_the_kernel_says() -> None:
    assert _field("\tfield:unsigned long nrs[NR_ENUM];\toffset:16;\tsize:24;\tsigned:0;", 4).element_size == 4


def test_no_event() -> None:
    assert parse_format("", "sys") is None
    assert parse_format("name: x\nformat:\n", "sys") is None
    assert parse_format("ID: 4\nformat:\n", "sys") is None
    assert parse_format("name: x\nID: -4\n", "sys") is None


def test_hostile_declarations_are_left_out() -> None:
    event = parse_format(f"name: x\nID: 4\n\tfield:{'a ' * 50_000};\toffset:0;\tsize:4;\tsigned:0;\n", "sys")
    assert event is not None and event.fields == ()
    event = parse_format("name: x\nID: 4\n\tfield:int a;\toffset:99999999;\tsize:4;\tsigned:0;\n", "sys")
    assert event is not None and event.fields == ()
