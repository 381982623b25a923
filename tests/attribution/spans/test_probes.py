"""Calls from kprobe events, whatever the probes are named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cowtrace.attribution.spans import path as P
from cowtrace.attribution.spans.reader import SpanReader
from cowtrace.parsers.base import BATCH_DTYPES
from cowtrace.parsers.kprobe_events import beside
from tests.support.recording import FakeBatch, tracepoint

SYMBOLS = {16: "handle_mm_fault", 32: "do_wp_page", 48: "ptep_clear_flush"}
EVENTS = [
    tracepoint(0, "cow:hmf", "__probe_ip", "addr", "flags"),
    tracepoint(1, "cow:hmf_ret", "__probe_func", "__probe_ret_ip", "ret"),
    tracepoint(2, "cow:wp", "__probe_ip"),
    tracepoint(3, "cow:wp_ret", "__probe_func", "__probe_ret_ip", "ret"),
    tracepoint(4, "cow:flush", "__probe_ip"),
]
HMF = {"__probe_ip": 16, "addr": 0x5123, "flags": 0x255}
HMF_RETURN = {"__probe_func": 16, "__probe_ret_ip": 99, "ret": 4}


def lines(*events: tuple[int, dict[str, int]]) -> list[dict[str, object]]:
    """Events of thread 7, 10 ns apart."""
    return [
        {"event": event, "ts_ns": 10 * place, "tid": 7, "tgid": 7, "cpu": 0, "f": fields} for place, (event, fields) in enumerate(events)
    ]


FAULT = lines(
    (0, HMF), (2, {"__probe_ip": 32}), (4, {"__probe_ip": 48}), (3, {"__probe_func": 32, "__probe_ret_ip": 99, "ret": 0}), (1, HMF_RETURN)
)  # fmt: skip


def reader(names: dict[int, str] | None = None, listed: dict[str, str] | None = None) -> SpanReader:
    symbols = SYMBOLS if names is None else names
    lost = np.empty(0, np.int64)
    return SpanReader(
        EVENTS, lambda values: [symbols.get(value, f"0x{value:x}") for value in values.tolist()], lost, probes=listed or {}
    )  # fmt: skip


@pytest.mark.parametrize("cut", range(6))
def test_pairs_make_calls(cut: int) -> None:
    """Entries with returns nest; a probe without a return is a call without an end; batches may end anywhere."""
    calls = reader()
    columns = tuple(sorted(BATCH_DTYPES))
    parts = [calls.read(FakeBatch(part, columns)) for part in (FAULT[:cut], FAULT[cut:])]
    parts.append(calls.finish())
    names = calls.functions.plain
    rows = sorted(
        (names[function], taken, depth, retval)
        for part in parts
        for function, taken, depth, retval in zip(
            *(column.tolist() for column in (part.spans.function, part.spans.taken_ns, part.spans.depth, part.spans.retval)), strict=True
        )
    )
    none = np.iinfo(np.int64).min
    assert rows == [("do_wp_page", 20, 1, 0), ("handle_mm_fault", 40, 0, 4), ("ptep_clear_flush", -1, 2, none)]
    (handled,) = [part.handled for part in parts if len(part.handled.ts_ns)]
    assert (handled.addr.tolist(), handled.end_ns.tolist()) == ([0x5123], [40])
    assert P.path_of(int(handled.marks[0]), calls.finish().shown) == P.WP_COPIED


def test_names_without_symbols(tmp_path: Path) -> None:
    """A list of probes beside the recording names their functions; without one the event's own name must do."""
    (tmp_path / "kprobe_events").write_text(
        "p:cow/hmf handle_mm_fault vma=%di\nr10:cow/hmf_ret handle_mm_fault ret=$retval\np:cow/wp do_wp_page+4\n"
    )
    listed = beside(str(tmp_path / "perf.data"))
    assert listed["cow:hmf"] == listed["hmf_ret"] == "handle_mm_fault"
    calls = reader({}, listed)
    built = calls.read(FakeBatch(FAULT, tuple(sorted(BATCH_DTYPES))))
    assert sorted(calls.functions.plain) == ["do_wp_page", "flush", "handle_mm_fault", "wp"]
    assert len(built.handled.ts_ns) == 1
    events = [replace(EVENTS[4], index=4, name="probe:do_fault__return_1")]
    plain = SpanReader(events, lambda values: [f"0x{value:x}" for value in values.tolist()], np.empty(0, np.int64), probes={})
    plain.read(FakeBatch([FAULT[2]], tuple(sorted(BATCH_DTYPES))))
    assert plain.functions.plain == ["do_fault"]
