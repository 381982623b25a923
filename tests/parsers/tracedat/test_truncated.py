"""Files that are cut: whole pages and chunks come out, the rest is counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from cowtrace.parsers.base import SourceInfo
from cowtrace.parsers.tracedat import open_tracedat
from tests.support.ringbuffer import Page, fault
from tests.support.tracedat import DATA, Area, TraceFile, opened, rows


def page(stamp: int, tid: int = 1) -> bytes:
    return Page(stamp).data(0, fault(tid, 0)).bytes()


def cpus(count: int, *cpus: int) -> Area:
    """Pages at 100, 200, ... on every CPU, ten later on each."""
    return Area({cpu: b"".join(page(100 * n + 10 * cpu) for n in range(1, count + 1)) for cpu in cpus})


def cut(path: Path, content: bytes, missing: int) -> tuple[list[tuple[int, int]], SourceInfo]:
    """Time and CPU of the events of a file without its last ``missing`` bytes."""
    recording = opened(path / "trace.dat", content[: len(content) - missing])
    found = [(ts_ns, cpu) for ts_ns, _, cpu, _, _ in rows(recording)]
    return found, recording.info


def stat(cpu: int, read_events: int) -> tuple[int, bytes]:
    return 2, f"CPU: {cpu}\nentries: 0\nread events: {read_events}\n\0".encode()


def test_version_6_inside_a_page(tmp_path: Path) -> None:
    found, info = cut(tmp_path, TraceFile([cpus(3, 0, 1)]).version6(), 5_000)
    assert found == [(100, 0), (110, 1), (200, 0), (300, 0)]
    assert [(note.text, note.count) for note in info.notes] == [
        ("the file ends before the data of CPU 1 does: 1 whole pages are left, 2 missing", 2)
    ]
    assert info.bytes_unread == 2 * 4096 - 5_000


def test_version_6_between_two_cpus(tmp_path: Path) -> None:
    found, info = cut(tmp_path, TraceFile([cpus(2, 0, 1)]).version6(), 2 * 4096)
    assert found == [(100, 0), (200, 0)]
    assert ([note.count for note in info.notes], info.bytes_unread) == ([2], 0)


def test_version_6_without_its_instance(tmp_path: Path) -> None:
    area = cpus(1, 0)
    file = TraceFile([area, Area(area.cpus, name="aa")])
    found, info = cut(tmp_path, file.version6(), 2 * 4096)
    assert found == [(100, 0)]
    assert [note.text for note in info.notes] == ["an instance could not be read: expected 10 more bytes, the file has 0"]


def test_version_7_knows_its_cpus_by_their_counters(tmp_path: Path) -> None:
    # the list that names the CPUs is at the end of the file; CPU 0 recorded nothing
    file = TraceFile([cpus(4, 1, 3)], options=[stat(0, 0), stat(1, 4), stat(2, 0), stat(3, 4)])
    content = file.version7("zstd")
    found, info = cut(tmp_path, content, len(content) - content.rindex(b"\x28\xb5\x2f\xfd") - 3)
    assert found == [(110, 1), (130, 3), (210, 1), (230, 3), (310, 1), (410, 1)]
    assert [note.text for note in info.notes] == [
        f"the table of ring buffers is not complete: the file ends at byte {info.size_bytes}, "
        f"the next list of options was at byte {len(content) - 16 - 6 - 8 - 6 - (8 + 1 + 6 + 8 + 40)}",
        "the file ends before the data of CPU 3 does: 1 whole chunks are left, 1 missing",
        "the file does not say its clock: times are taken as nanoseconds",
    ]


def test_version_7_with_pages_of_one_cpu(tmp_path: Path) -> None:
    file = TraceFile([cpus(3, 1)], options=[stat(0, 0), stat(1, 3)])
    found, _ = cut(tmp_path, file.version7(), 700)
    assert found == [(110, 1), (210, 1)]


def test_version_7_with_pages_of_several_cpus(tmp_path: Path) -> None:
    # nothing in plain pages says where the pages of the next CPU begin, only the times do: which CPU it is remains unknown
    file = TraceFile([cpus(3, 0, 1)], options=[stat(0, 3), stat(1, 3)])
    found, _ = cut(tmp_path, file.version7(), 700)
    assert found == [(100, -1), (110, -1), (200, -1), (210, -1), (300, -1)]


def test_version_7_that_lost_an_instance_alone(tmp_path: Path) -> None:
    area = cpus(1, 0)
    options = [stat(0, 1), (2, b"\nBuffer: bb\n\n\0"), stat(0, 1)]
    content = TraceFile([area, Area(area.cpus, name="bb")], options=options).version7("zstd")
    recording = opened(tmp_path / "trace.dat", content[:-60])
    assert [row[:3] for row in rows(recording)] == [(100, "", 0), (100, "bb", 0)]


def test_version_7_before_its_options(tmp_path: Path) -> None:
    content = TraceFile([cpus(1, 0)]).version7("zstd")
    found, info = cut(tmp_path, content, len(content) - 1_200)
    assert found == []
    assert [note.text for note in info.notes][1:] == ["the file ends before its first ring buffer page"]


def test_every_cut_of_a_recording_gives_a_beginning(tmp_path: Path) -> None:
    content = (DATA / "v7-zstd.dat").read_bytes()
    whole = rows(open_tracedat(DATA / "v7-zstd.dat"))
    counts = {}
    for size in (20_000, 20_600, 21_000, 21_500, 21_590):
        found = rows(opened(tmp_path / "trace.dat", content[:size]))
        assert found == [row for row in whole if row in set(found)]
        counts[size] = len(found)
    assert counts == {20_000: 397, 20_600: 397, 21_000: 397, 21_500: 500, 21_590: 500}


@pytest.mark.parametrize("share", [0.9, 0.5])
def test_a_recording_of_version_6(tmp_path: Path, share: float) -> None:
    content = TraceFile([cpus(40, 0, 1)]).version6()
    found, info = cut(tmp_path, content, int(len(content) * (1 - share)))
    missing = sum(note.count for note in info.notes)
    assert len(found) + missing == 80
