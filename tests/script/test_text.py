"""Text looks as ``perf script`` prints it, field by field at the same place."""

from __future__ import annotations

from tests.script.lines import CHAINED, FAULT, OPEN, printed, recording, row


def test_software_event() -> None:
    """perf 6.1 -F comm,tid,cpu,time,period,event,addr,ip; the longest event name gives the width."""
    text = printed("text", recording(row(1655372658999, FAULT, ip=0xFFFFFFFF8175336A, addr=0x7FAAFB1E7370)))
    assert text == "   new\\nline\\xff     7 [001]  1655.372658:          1    page-faults:     7faafb1e7370 ffffffff8175336a\n"


def test_call_chain_follows_without_marks() -> None:
    """With a chain perf does not pad the name; the ip is the chain's first line."""
    chain = [0xFFFFFFFFFFFFFF80, 0xFFFFFFFF8175336A, 0xFFFFFFFFFFFFFE00, 0x55]
    text = printed("text", recording(row(2_000_000_000, CHAINED, chain=chain, ip=0x55), row(2_000_001_000, CHAINED, tid=123456, ip=0x55)))
    assert text == (
        'a, "b"     7     2.000000:          1 minor-faults:u: \n'
        "\tffffffff8175336a\n"
        "\t              55\n"
        "\n"
        ":123456 123456     2.000001:          1 minor-faults:u: \n"
        "\n"
    )


def test_tracepoint_prints_its_payload() -> None:
    """Unsigned longs in hexadecimal; control characters can't reach the terminal."""
    values = {"common_type": 9, "flags": 0x8000, "error": -2, "comm": b"a b", "path": b"\x1b[2J", "args": [1, 2]}
    text = printed("text", recording(row(1, OPEN, tid=9, f=values), row(2, FAULT, tid=9)))
    assert text == (
        "              :9     9 [001]     0.000000:        fs:open: flags=0x8000 error=-2 comm=a b path=\\x1b[2J args=[1,2]\n"
        "              :9     9 [001]     0.000000:          1    page-faults:                0                0\n"
    )


def test_no_time() -> None:
    text = printed("text", recording(row(-1, FAULT, tid=9)))
    assert text == "              :9     9 [001]          1    page-faults:                0                0\n"
