"""Samples of ``perf script``, whatever fields it was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cowtrace.errors import InputError
from cowtrace.parsers.perfscript import PerfScriptRecording, open_perfscript
from cowtrace.parsers.registry import open_recording
from tests.support.ftracetext import DATA

TEXTS = DATA.parent / "perfscript"
COLUMNS = ("ts_ns", "tgid", "tid", "cpu", "period", "ip", "addr")
S = 1704_436_147_000


def opened(path: Path, text: str | bytes, **sizes: int) -> PerfScriptRecording:
    (path / "script.txt").write_bytes(text.encode() if isinstance(text, str) else text)
    return open_perfscript(path / "script.txt", **sizes)


def samples(recording: PerfScriptRecording) -> list[tuple[Any, ...]]:
    """Event, then ``COLUMNS``; None for those that its event does not record."""
    found = []
    for batch in recording.batches():
        columns = {name: values.tolist() for name, values in batch.columns.items()}
        for row, number in enumerate(batch.event.tolist()):
            desc = recording.events[number]
            found.append((desc.name, *(columns[name][row] if name in desc.columns and name in columns else None for name in COLUMNS)))
    return found


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("         cowload     9 [001]  1704.436147:          1 page-faults:  ffffffff8175336a elf_load+0x28a ([kernel.kallsyms])",
         ("page-faults", S, -1, 9, 1, 1, 0xFFFFFFFF8175336A, None)),
        ("         cowload   9/12 [001]  1704.436147:        100 page-faults:u:      7f52b5265640",
         ("page-faults:u", S, 9, 12, 1, 100, 0x7F52B5265640, None)),
        ("          cowlab   604/604      1704.436147:  page-faults:     4e0350 [unknown] ffffffff822a02c0 rep_stos_alternative",
         ("page-faults", S, 604, 604, None, None, 0xFFFFFFFF822A02C0, 0x4E0350)),
        ("          cowlab   604/604      1704.436147:  minor-faults:       4f8498 __libc_stack_end     40af91 __libc_start_main",
         ("minor-faults", S, 604, 604, None, None, 0x40AF91, 0x4F8498)),
        ("         cowload     9          1 page-faults:      7f52b5266dc1 __libc_start_main_impl+0x31 (/tmp/ctv (deleted)/cow load)",
         ("page-faults", None, -1, 9, None, 1, 0x7F52B5266DC1, None)),
        ("         cowload     9  1704.436147123:                page-faults: ",
         ("page-faults", S + 123, -1, 9, None, None, None, None)),
        ("    a [1] 2/3: x   604/604      1704.436147: page-faults:           4e0350        822a02c0",
         ("page-faults", S, 604, 604, None, None, 0x822A02C0, 0x4E0350)),
        ("         cowload     9 [001]  1704.436147: exceptions:page_fault_user: address=0x7fbb ip=0x7fba error_code=0x14",
         ("exceptions:page_fault_user", S, -1, 9, 1, None, None, None)),
        (" 1704.436147: page-faults:  7f52b5265640", ("page-faults", S, -1, None, None, None, 0x7F52B5265640, None)),
    ],
)  # fmt: skip
def test_fields(tmp_path: Path, line: str, expected: tuple[Any, ...]) -> None:
    recording = opened(tmp_path, f"{line}\n{line}\n")
    assert samples(recording) == [expected] * 2


def test_payloads(tmp_path: Path) -> None:
    recording = opened(
        tmp_path,
        "         kid one     9 [001]  1.000001:         kmem:mm_page_alloc: page=0x1a34fc pfn=0x1a34fc order=9 migratetype=1 "
        "gfp_flags=GFP_HIGHUSER_MOVABLE|__GFP_ZERO\n"
        "         kid one     9 [001]  1.000002:  cow:hmf_ret: (ffffffff812d2af0 <- ffffffff812c50aa) ret=0x200\n",
    )
    alloc, probe = recording.events
    (batch,) = recording.batches()
    found = [batch.field(alloc.index, name).tolist() for name in ("pfn", "order", "gfp_flags", "migratetype")]
    assert found == [[0x1A34FC], [9], [0x100DCA], [1]]
    assert batch.field(probe.index, "__probe_func").tolist() == [0xFFFFFFFF812D2AF0]
    assert batch.field(probe.index, "ret").tolist() == [0x200]


def test_chains_keep_the_kernel_frames_and_their_names() -> None:
    recording = open_perfscript(TEXTS / "chains.txt")
    recording.side_band()
    (batch,) = recording.batches()
    offsets, ips = batch.chains()
    assert ips[:3].tolist() == [(1 << 64) - 128, 0xFFFFFFFF819F6A9A, 0xFFFFFFFF813E86AD]
    assert offsets[:4].tolist() == [0, 10, 16, 16]
    assert recording.function_names(ips[1:3]) == ["clear_user_erms", "padzero"]
    assert "user frames of call chains are left out: perf script prints offsets in files there" in [
        note.text for note in recording.info.notes
    ]


@pytest.mark.parametrize("text_bytes", [1 << 22, 5_000])
def test_side_band_records(text_bytes: int) -> None:
    recording = open_perfscript(TEXTS / "sideband.txt.zst", text_bytes=text_bytes)
    side = recording.side_band()
    assert len(samples(recording)) == 368
    assert (len(side.fork), len(side.exit), len(side.mmap)) == (8, 9, 51)
    assert side.fork.select("tgid", "parent_tgid", "tid", "parent_tid").rows()[:2] == [(11, 9, 11, 9), (12, 9, 12, 9)]
    assert [row for row in side.comm.select("tid", "comm", "is_exec").rows() if row[2]] == [(9, b"cowload", True), (16, b"true", True)]
    first = side.mmap.row(1, named=True)
    assert (first["path"], first["pgoff"], first["prot"], first["flags"], first["is_data"]) == (b"[stack]", 0x7FFFFFFDE000, 3, 2, True)


def test_losses(tmp_path: Path) -> None:
    text = "         cowload    12  1.000001: PERF_RECORD_LOST lost 24\n" + "         cowload    12  1.000002: page-faults: \n" * 2
    assert opened(tmp_path, text).side_band().lost.select("ts_ns", "reason", "lost_events").rows() == [(1_000_001_000, "lost", 24)]


def test_names_are_those_of_the_moment(tmp_path: Path) -> None:
    lines = [f"{comm:>16}    77  {second}.000000: page-faults: \n" for second, comm in enumerate(["old", "old", "new", "new"], 1)]
    comm = opened(tmp_path, "".join(lines)).side_band().comm
    assert comm.select("ts_ns", "tid", "comm").rows() == [(-1, 77, b"old"), (3_000_000_000, 77, b"new")]


def test_perf_trace_is_another_thing(tmp_path: Path) -> None:
    path = tmp_path / "trace.txt"
    path.write_text("     0.000 ( 0.000 ms): app/669 minfault [rep_stos_alternative+0x40] => 0x4e0350 (?k)\n" * 3)
    with pytest.raises(InputError, match="perf trace leaves out too much to be read"):
        open_recording(path)
