"""Counters, mount tables and kernel symbols: what they copy, what they say when they can't."""

from __future__ import annotations

import os
from pathlib import Path

import zstandard

from cowtrace.ingest import ingest
from cowtrace.recording.collector import Collector, Scene
from cowtrace.recording.counters import Counters
from cowtrace.recording.kallsyms import Kallsyms, text_symbols
from cowtrace.recording.mounts import Mounts
from cowtrace.recording.perf_maps import PerfMaps
from tests.support.hosts import make_host

MTHP = "sys/kernel/mm/transparent_hugepage/hugepages-64kB/stats"


def run(collector: Collector, folder: Path, pids: list[int] | None = None) -> None:
    """Start and stop a collector in a folder."""
    folder.mkdir(exist_ok=True)
    collector.start(Scene(folder, pids or [], False))
    collector.stop()


def test_counters_before_and_after(tmp_path: Path) -> None:
    host = make_host(
        tmp_path / "host", {"proc/vmstat": "pgfault 1\n", "proc/meminfo": "MemTotal: 8 kB\n", f"{MTHP}/anon_fault_alloc": "3\n"}
    )
    counters = Counters(host)
    folder = tmp_path / "rec"
    folder.mkdir()
    counters.start(Scene(folder, [], False))
    assert counters.tick(1e9) is None
    (host.root / "proc/vmstat").write_text("pgfault 9\n")
    (host.root / MTHP / "anon_fault_alloc").write_text("5\n")
    counters.stop()
    assert [file.read_text() for file in sorted((folder / "vmstat").glob("*.vmstat"))] == ["pgfault 1\n", "pgfault 9\n"]
    assert len(list((folder / "meminfo").glob("*.meminfo"))) == 2
    assert counters.facts() == {"mthp_counters": {"before": {"64kB": {"anon_fault_alloc": 3}}, "after": {"64kB": {"anon_fault_alloc": 5}}}}
    assert counters.notes == []


def test_counters_in_between(tmp_path: Path) -> None:
    host = make_host(tmp_path / "host", {"proc/vmstat": "pgfault 1\n", "proc/meminfo": "MemTotal: 8 kB\n"})
    counters = Counters(host, interval_s=2.0)
    folder = tmp_path / "rec"
    folder.mkdir()
    counters.start(Scene(folder, [], False))
    due = counters.tick(0.0)
    assert due is not None
    assert counters.tick(due) == due + 2.0
    counters.stop()
    assert len(list((folder / "vmstat").iterdir())) == 3


def test_counters_that_are_hidden_are_noted_once(tmp_path: Path) -> None:
    counters = Counters(make_host(tmp_path / "host", {"proc/vmstat": "pgfault 1\n"}))
    run(counters, tmp_path / "rec")
    assert counters.notes == ["/proc/meminfo can't be read"]


def test_mounts(tmp_path: Path) -> None:
    (tmp_path / "proc/12").mkdir(parents=True)
    (tmp_path / "proc/12/mountinfo").write_text("1 1 0:1 / / rw - ext4 /dev/vda rw\n")
    mounts = Mounts(tmp_path / "proc")
    run(mounts, tmp_path / "rec", [12, 13])
    assert [file.name for file in (tmp_path / "rec/mountinfo").iterdir()] == ["12.mountinfo"]
    assert mounts.notes == ["mountinfo of process 13 can't be read: No such file or directory"]


KALLSYMS = b"""\
ffffffff81000000 T _stext
ffffffff81000010 t do_wp_page
ffffffff82000000 D jiffies
ffffffff81000020 W __weak_one
ffffffff82000008 b a_buffer
ffffffffc0000000 t ext4_iget\t[ext4]
"""


def test_text_symbols() -> None:
    assert text_symbols(KALLSYMS) == (
        b"ffffffff81000000 T _stext\nffffffff81000010 t do_wp_page\nffffffff81000020 W __weak_one\nffffffffc0000000 t ext4_iget\t[ext4]\n"
    )
    assert text_symbols(b"") == b""
    assert text_symbols(b"0000000000000000 T _stext\n0000000000000000 t do_wp_page\n") == b""


def test_kallsyms_are_stored_compressed(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/kallsyms").write_bytes(KALLSYMS)
    kallsyms = Kallsyms(tmp_path / "proc")
    run(kallsyms, tmp_path / "rec")
    stored = (tmp_path / "rec/kallsyms.zst").read_bytes()
    assert zstandard.ZstdDecompressor().decompress(stored) == text_symbols(KALLSYMS)
    assert kallsyms.notes == []


def test_hidden_kallsyms_leave_a_note_and_no_file(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/kallsyms").write_bytes(b"0000000000000000 T _stext\n")
    kallsyms = Kallsyms(tmp_path / "proc")
    run(kallsyms, tmp_path / "rec")
    assert not (tmp_path / "rec/kallsyms.zst").exists()
    assert kallsyms.notes[0].startswith("kernel functions can't be named: /proc/kallsyms hides its addresses")


def test_perf_maps_of_the_recorded_and_of_who_wrote_meanwhile(tmp_path: Path) -> None:
    tmp = tmp_path / "tmp"
    tmp.mkdir()
    for pid in (11, 12, 13):
        (tmp / f"perf-{pid}.map").write_bytes(b"7000 10 old\n")
        os.utime(tmp / f"perf-{pid}.map", (1, 1))
    maps = PerfMaps(tmp)
    folder = tmp_path / "rec"
    folder.mkdir()
    maps.start(Scene(folder, [11], False))
    (tmp / "perf-12.map").write_bytes(b"7000 10 new\n")
    os.mkfifo(tmp / "perf-14.map")
    (tmp / "perf-15.map").symlink_to("/etc/passwd")
    (tmp / "perf-evil.map").write_bytes(b"x")
    maps.stop()
    assert sorted(path.name for path in folder.iterdir()) == ["perf-11.map.zst", "perf-12.map.zst"]
    assert zstandard.decompress((folder / "perf-12.map.zst").read_bytes()) == b"7000 10 new\n"
    assert maps.notes == []


def test_names_of_a_folder_of_record_reach_the_store(tmp_path: Path) -> None:
    folder = tmp_path / "cowtrace.rec"
    folder.mkdir()
    sample = Path(__file__).parent.parent.parent / "sample-traces" / "plain-page-faults.data"
    (folder / "perf.data").write_bytes(sample.read_bytes())
    (folder / "recording.json").write_text("{}")
    (folder / "perf-12.map.zst").write_bytes(zstandard.compress(b"7f00 10 js\n"))
    (folder / "kallsyms.zst").write_bytes(zstandard.compress(b"ffffffff81000000 T _text\nffffffffc0000000 t f\t[m]\n"))
    store = ingest([folder], tmp_path / "store", quiet=True)
    assert store.lazy("jit_symbol").collect().rows() == [(12, 0x7F00, 0x10, "js")]
    assert store.lazy("kernel_symbol").collect().rows() == [(0xFFFFFFFF81000000, "_text", None), (0xFFFFFFFFC0000000, "f", "m")]
    (folder / "kallsyms.zst").write_bytes(b"no zstd")
    damaged = ingest([folder], tmp_path / "damaged", quiet=True)
    assert [note["text"].partition(" (")[0] for note in damaged.manifest["sources"][0]["notes"]][-1:] == ["kallsyms.zst: names not read"]
