"""The CSV columns: what they hold, when they are empty, how strange bytes are quoted."""

from __future__ import annotations

import pytest

from tests.script.lines import CHAINED, DUMMY, FAULT, OPEN, printed, recording, row

HEADER = "ts_ns,event,comm,pid,tid,cpu,ip,addr,period,callchain,args\n"
KERNEL = 0xFFFFFFFFFFFFFF80


def csv(*rows: dict[str, object]) -> str:
    text = printed("csv", recording(*rows))
    assert text.startswith(HEADER)
    return text.removeprefix(HEADER)


def test_addresses_are_plain_hexadecimal() -> None:
    rows = csv(
        row(2_000_000_001, FAULT, ip=0xFFFFFFFF8175336A, addr=0x7F00),
        row(2_000_000_002, FAULT, ip=0, addr=1 << 63, cpu=0, period=7),
    )
    assert rows == (
        '2000000001,page-faults,"a, ""b""",7,7,1,ffffffff8175336a,7f00,1,,\n'
        '2000000002,page-faults,"a, ""b""",7,7,0,0,8000000000000000,7,,\n'
    )


def test_names_keep_their_bytes() -> None:
    """A newline is quoted, what is no UTF-8 is escaped, an empty name is not the same as none, an unknown task is its tid."""
    at = 3_000_000_000
    rows = csv(row(at, FAULT), row(at + 1, FAULT, tgid=8, tid=8), row(at + 2, FAULT, tid=-1, tgid=-1), row(at + 3, FAULT, tid=0))
    assert rows == (
        '3000000000,page-faults,"new\nline\\xff",7,7,1,0,0,1,,\n'
        '3000000001,page-faults,"",8,8,1,0,0,1,,\n'
        "3000000002,page-faults,:-1,-1,-1,1,0,0,1,,\n"
        "3000000003,page-faults,swapper,7,0,1,0,0,1,,\n"
    )


def test_what_an_event_does_not_record_is_empty() -> None:
    """This event has neither cpu nor addr; its chains keep their context marker, and may be empty."""
    rows = csv(row(4_000_000_000, CHAINED, ip=0xA, chain=[KERNEL, 0xABC, 0]), row(4_000_000_001, CHAINED, ip=0xA))
    assert rows == (
        '4000000000,minor-faults:u,"new\nline\\xff",7,7,,a,,1,ffffffffffffff80;abc;0,\n'
        '4000000001,minor-faults:u,"new\nline\\xff",7,7,,a,,1,"",\n'
    )


def test_time_that_was_not_recorded_is_empty() -> None:
    assert csv(row(-1, FAULT, tid=9)) == ",page-faults,:9,7,9,1,0,0,1,,\n"


@pytest.mark.parametrize(("comm", "shown"), [(b"sh", '""sh""'), (b'q"\x01\xe9', r'""q\""\u0001\\xe9""')])
def test_payload_is_json(comm: bytes, shown: str) -> None:
    """Numbers stay numbers, character arrays are text, other arrays lists; the common fields are left out."""
    values = {"common_type": 9, "flags": 4096, "error": -2, "comm": comm, "path": b"/x", "args": [1, 2]}
    json = f'{{""flags"":4096,""error"":-2,""comm"":{shown},""path"":""/x"",""args"":[1,2]}}'
    assert csv(row(5, OPEN, tid=9, f=values)) == f'5,fs:open,:9,7,9,1,0,0,1,,"{json}"\n'


def test_rows_of_different_events_stay_in_place() -> None:
    values = {"common_type": 9, "flags": 0, "error": 0, "comm": b"", "path": b"", "args": []}
    rows = csv(row(1, FAULT, tid=9), row(2, OPEN, tid=9, f=values), row(3, DUMMY, tid=9), row(4, FAULT, tid=9))
    json = '"{""flags"":0,""error"":0,""comm"":"""",""path"":"""",""args"":[]}"'
    assert rows == f"1,page-faults,:9,7,9,1,0,0,1,,\n2,fs:open,:9,7,9,1,0,0,1,,{json}\n4,page-faults,:9,7,9,1,0,0,1,,\n"


def test_ftrace_inputs_add_the_instance() -> None:
    text = printed("csv", recording(row(1, FAULT, tid=9), form="trace.dat"))
    assert text == HEADER.replace("args", "args,instance") + "1,page-faults,:9,7,9,1,0,0,1,,,\n"


def test_nothing_recorded() -> None:
    assert csv() == ""
