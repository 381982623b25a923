"""Copies of /proc files in a store."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import zstandard

from cowtrace.errors import InputError
from cowtrace.ingest import spool
from cowtrace.ingest.procfs import ingest_procfs
from cowtrace.parsers.base import SourceInfo
from cowtrace.schema import TABLES
from cowtrace.store.writer import StoreWriter
from tests.support.proc_text import DATA, mapping, notes

T = 1_700_000_000_000_000_000
VMA = "1000-2000 rw-p 00000000 00:00 0 "


def ingest(store: Path, *paths: Path, **options: Any) -> list[SourceInfo]:
    """Ingest into a new store."""
    with StoreWriter(store) as writer:
        infos = ingest_procfs(list(paths), writer, **options)
        writer.finish({"schema_version": 1})
    return infos


def write(path: Path, content: bytes) -> Path:
    """A file in perhaps new folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(zstandard.compress(content) if path.suffix == ".zst" else content)
    return path


def rows(store: Path, table: str, *columns: str) -> list[tuple[Any, ...]]:
    """Columns of a table in the order of the file."""
    return pl.read_parquet(store / f"{table}.parquet").select(*columns).rows()


def test_what_record_writes(tmp_path: Path) -> None:
    """Snapshots are numbered by time, whatever the order of the names; each source has its own counts."""
    folder, store = tmp_path / "rec", tmp_path / "store"
    paths = [
        write(folder / f"smaps/12/{T + 2}.smaps.zst", mapping(VMA, Rss=3)),
        write(folder / f"smaps/12/{T}.smaps.zst", mapping(VMA, Rss=1) + mapping("3000-4000 r--p 0 0:0 9 /x", Rss=2)),
        write(folder / f"smaps/7/{T + 1}.rollup.zst", mapping("1000-4000 ---p 0 0:0 0 [rollup]", Rss=5)),
        write(folder / f"smaps/2/{T + 1}.smaps.zst", b""),
        write(folder / f"vmstat/{T + 9}.vmstat.zst", b"nr_a 2\n"),
        write(folder / f"vmstat/{T}.vmstat.zst", b"nr_a 1\n"),
        write(folder / f"meminfo/{T}.meminfo.zst", b"MemTotal: 8 kB\n"),
        write(folder / "mountinfo/12.mountinfo.zst", b"27 1 254:0 / / rw - ext4 /dev/vda rw\n"),
    ]
    infos = ingest(store, *paths, wall_offset_ns=T - 100)
    assert rows(store, "smaps", "snapshot_id", "ts_ns", "tgid", "form", "path", "rss_kb") == [
        (0, 100, 12, "smaps", None, 1),
        (0, 100, 12, "smaps", "/x", 2),
        (1, 101, 7, "rollup", "[rollup]", 5),
        (2, 102, 12, "smaps", None, 3),
    ]
    assert rows(store, "vmstat", "snapshot_id", "ts_ns", "name", "value") == [(0, 100, "nr_a", 1), (1, 109, "nr_a", 2)]
    assert rows(store, "meminfo", "snapshot_id", "ts_ns", "name", "value_kb") == [(0, 100, "MemTotal", 8)]
    assert [(info.path, info.format, info.records_read, info.first_ns) for info in infos] == [
        (str(path), kind, count, first_ns)
        for path, kind, count, first_ns in zip(
            paths,
            ["smaps", "smaps", "smaps", "smaps", "vmstat", "vmstat", "meminfo", "mountinfo"],
            [1, 2, 1, 0, 1, 1, 1, 1],
            [102, 100, 101, None, 109, 100, 100, None],
            strict=True,
        )
    ]
    assert list(notes(infos[3])) == ["no mapping in it: a kernel thread, or the process had exited"]


def test_columns_are_the_union_over_all_files(tmp_path: Path) -> None:
    """Declared ones first, then unknown fields by name, whichever file has them."""
    old = write(tmp_path / "smaps-1-1700000000", mapping(VMA, Size=4, Rss=1))
    new = write(tmp_path / "smaps-2-1700000001", mapping(VMA, Zebra=7, Rss=2))
    newer = write(tmp_path / "smaps-3-1700000002", mapping(VMA, Ant=8, Zebra=9, KSM=0))
    ingest(tmp_path / "store", newer, old, new)
    table = pl.read_parquet(tmp_path / "store" / "smaps.parquet")
    assert table.columns == [*TABLES["smaps"].names(), "ant_kb", "zebra_kb"]
    assert table.select("tgid", "size_kb", "rss_kb", "ksm_kb", "ant_kb", "zebra_kb").rows() == [
        (1, 4, 1, None, None, None),
        (2, None, 2, None, None, 7),
        (3, None, None, 0, 8, 9),
    ]


def test_without_snapshots_the_tables_are_empty(tmp_path: Path) -> None:
    assert ingest(tmp_path / "store") == []
    for name in ("smaps", "vmstat", "meminfo"):
        table = pl.read_parquet(tmp_path / "store" / f"{name}.parquet")
        assert (table.columns, table.height) == (list(TABLES[name].names()), 0)


def test_bad_files_among_good_ones(tmp_path: Path) -> None:
    good = write(tmp_path / "smaps.1", mapping(VMA, Rss=1))
    bad = write(tmp_path / "smaps.2", b"\x00\xff" * 50)
    gone = tmp_path / "smaps.3"
    infos = ingest(tmp_path / "store", bad, good, gone, strict=True)
    assert [(info.format, info.records_read) for info in infos] == [("unreadable", 0), ("smaps", 1), ("unreadable", 0)]
    assert [next(iter(notes(info))).split(": ")[1].split(",")[0] for info in (infos[0], infos[2])] == [
        "expected smaps",
        "can't be read",
    ]
    with pytest.raises(InputError, match=r"smaps\.2: expected smaps"):
        ingest(tmp_path / "other", bad, gone, strict=True)
    assert not (tmp_path / "other").exists()
    assert [info.format for info in ingest(tmp_path / "lax", bad, gone)] == ["unreadable", "unreadable"]


def test_what_the_caller_knows_wins(tmp_path: Path) -> None:
    path = write(tmp_path / "smaps-1-1700000000", mapping(VMA, Rss=1))
    ingest(tmp_path / "store", path, tgid=55, wall_ns=T + 7)
    assert rows(tmp_path / "store", "smaps", "tgid", "ts_ns") == [(55, T + 7)]


def test_output_is_the_same_twice_and_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte for byte; and with pieces of one batch, the same rows."""
    real = [DATA / "proc" / name for name in ("3977/smaps", "3977/smaps_rollup", "3978/smaps")]
    extra = [write(tmp_path / f"smaps.{number}", mapping(VMA, more={f"New{number}x": 1})) for number in (1, 2, 3)]
    paths = [*real, *extra, DATA / "series-vmstat.txt", DATA / "meminfo.txt"]
    ingest(tmp_path / "a", *paths)
    ingest(tmp_path / "b", *paths)
    monkeypatch.setattr(spool, "PIECE_BYTES", 1)
    ingest(tmp_path / "c", *paths)
    for name in ("smaps", "vmstat", "meminfo"):
        files = [tmp_path / store / f"{name}.parquet" for store in "abc"]
        digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files[:2]]
        assert digests[0] == digests[1]
        assert pl.read_parquet(files[0]).equals(pl.read_parquet(files[2]))
    assert sorted(path.suffix for path in (tmp_path / "a").iterdir()) == [".json", *[".parquet"] * len(TABLES)]


def test_thousands_of_small_files_make_few_row_groups(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    content = mapping(VMA, Rss=1)
    paths = [write(tmp_path / "smaps" / str(number % 9 + 1) / f"{T + number}.smaps", content) for number in range(1000)]
    ingest(tmp_path / "store", *reversed(paths))
    assert pq.ParquetFile(tmp_path / "store" / "smaps.parquet").num_row_groups == 1
    assert rows(tmp_path / "store", "smaps", "snapshot_id", "ts_ns") == [(number, T + number) for number in range(1000)]
    shutil.rmtree(tmp_path / "smaps")


@pytest.mark.parametrize(
    ("facts", "ts_ns", "told"),
    [
        (f'{{"start": {{"unix_ns": {T}, "mono_ns": 100}}}}', 100, {}),
        ('{"start": null}', None, {"snapshots without a time: put it in the file name or in '# time' lines": 1}),
        ("[", None, {"snapshots without a time: put it in the file name or in '# time' lines": 1}),
    ],
)
def test_a_mount_table_is_as_old_as_its_recording(tmp_path: Path, facts: str, ts_ns: int | None, told: dict[str, int]) -> None:
    write(tmp_path / "rec/recording.json", facts.encode())
    mounts = write(tmp_path / "rec/mountinfo/12.mountinfo", b"27 1 254:0 / / rw - ext4 /dev/vda rw\n")
    (info,) = ingest(tmp_path / "store", mounts, wall_offset_ns=T - 100)
    assert (info.first_ns, notes(info)) == (ts_ns, told)
