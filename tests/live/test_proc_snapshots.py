"""smaps of real processes of this machine, against /proc/PID/maps, against smaps_rollup, and against what the program did."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cowtrace.errors import InputError
from cowtrace.parsers.procfs.marks import SnapshotOptions
from cowtrace.parsers.procfs.mountinfo import read_mountinfo, split_options
from cowtrace.parsers.procfs.smaps import SmapsReader
from tests.support import knobs
from tests.support.proc_text import picked, read_counters, read_smaps

SOURCE = Path(__file__).parent.parent / "workloads" / "mappings.c"


def unavailable() -> str | None:
    """Why the program can't run here."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "needs Linux and root: the pool of huge pages is set up"
    return None if shutil.which("cc") else "cc is not installed"


pytestmark = [pytest.mark.live, pytest.mark.skipif(unavailable() is not None, reason=str(unavailable()))]

# Rounded per mapping, so that a sum over mappings is a little less than the rollup.
ROUNDED = {"pss_kb", "pss_dirty_kb", "swap_pss_kb", "locked_kb"}
ROLLUP_ONLY = {"pss_anon_kb", "pss_file_kb", "pss_shmem_kb"}


@dataclass(frozen=True)
class Running:
    """The program, waiting: address and size of each mapping by name, the parent and its two children."""

    mappings: dict[str, tuple[int, int]]
    tgids: list[int]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("mappings")
    program = folder / "mappings"
    subprocess.run(["cc", "-O1", "-o", str(program), str(SOURCE)], check=True)
    with (
        knobs.one_at_a_time(),
        knobs.huge_pages("madvise"),
        knobs.setting(knobs.POOL, int(knobs.current(knobs.POOL)) + 2),
        subprocess.Popen([program, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process,
    ):
        assert process.stdout is not None and process.stdin is not None
        mappings: dict[str, tuple[int, int]] = {}
        for line in process.stdout:
            words = line.decode().split()
            if words[0].isdigit():
                yield Running(mappings, [int(word) for word in words])
                break
            mappings[words[0]] = (int(words[1], 16), int(words[2], 16))
        process.stdin.close()


def test_lines_agree_with_maps(running: Running) -> None:
    for tgid in running.tgids:
        rows, info = read_smaps(Path(f"/proc/{tgid}/smaps"))
        lines = [line.split(b" ", 5) for line in Path(f"/proc/{tgid}/maps").read_bytes().splitlines()]
        heads = [
            f"{row['start_addr']:08x}-{row['end_addr']:08x} {row['perms']} {row['pgoff']:08x} {row['dev']} {row['inode']}" for row in rows
        ]
        assert heads == [b" ".join(line[:5]).decode() for line in lines]
        assert [row.get("path", "") for row in rows] == [line[5].lstrip(b" ").decode("utf-8", "backslashreplace") for line in lines]
        assert {row["tgid"] for row in rows} == {tgid}
        assert (info.records_damaged, info.records_unknown) == (0, 0)


def test_rollup_is_the_sum_but_for_rounding(running: Running) -> None:
    for tgid in running.tgids:
        rows, _ = read_smaps(Path(f"/proc/{tgid}/smaps"))
        (rollup,), _ = read_smaps(Path(f"/proc/{tgid}/smaps_rollup"))
        columns = {column for column in rollup if column.endswith("_kb")} - ROLLUP_ONLY
        lacking = {column: rollup[column] - sum(row[column] for row in rows) for column in columns}
        assert {column for column, value in lacking.items() if value} <= ROUNDED
        assert 0 < lacking["pss_kb"] < len(rows)  # three processes share pages


def test_what_the_program_did(running: Running) -> None:
    """64 pages each; fork twice; the first child writes 16 pages of "forked"."""
    columns = ("rss_kb", "anonymous_kb", "shared_dirty_kb", "private_dirty_kb", "pss_kb")
    expected = {
        "forked": [(256, 256, 256, 0, 95), (256, 256, 192, 64, 127), (256, 256, 256, 0, 95)],
        "zero_page": [(0, 0, 0, 0, 0)] * 3,
        "newline": [(4, 4, 4, 0, 1)] * 3,
    }
    for name, wanted in expected.items():
        start = running.mappings[name][0]
        found = [row for tgid in running.tgids for row in read_smaps(Path(f"/proc/{tgid}/smaps"))[0] if row["start_addr"] == start]
        assert (name, picked(found, *columns)) == (name, wanted)


def test_huge_pages(running: Running) -> None:
    rows = {row["start_addr"]: row for row in read_smaps(Path(f"/proc/{running.tgids[0]}/smaps"))[0]}
    hugetlb = rows[running.mappings["hugetlb"][0]]
    assert picked([hugetlb], "kernel_page_size_kb", "rss_kb", "shared_hugetlb_kb", "private_hugetlb_kb") == [(2048, 0, 2048, 0)]
    assert rows[running.mappings["huge"][0]]["anon_huge_pages_kb"] == 2048


def test_kernel_threads() -> None:
    rows, info = read_smaps(Path("/proc/2/smaps"))  # kthreadd
    assert (rows, info.records_damaged) == ([], 0)
    with pytest.raises(InputError, match="No such process"):
        read_smaps(Path("/proc/2/smaps_rollup"))


def test_a_process_that_exits_while_it_is_read() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; print(flush=True); time.sleep(600)"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        path = Path(f"/proc/{process.pid}/smaps")
        whole = [row["start_addr"] for row in read_smaps(path)[0]]
        reader = SmapsReader(path, SnapshotOptions(block_bytes=4096))
        batches = reader.batches()
        rows = next(batches).to_pylist()
        process.kill()
        process.wait()
        rows += [row for batch in batches for row in batch.to_pylist()]
    assert [row["start_addr"] for row in rows] == whole[: len(rows)]
    assert 0 < len(rows) < len(whole)
    assert reader.info.records_damaged <= 2


def test_counters_of_this_machine(tmp_path: Path) -> None:
    for form, value in (("vmstat", "value"), ("meminfo", "value_kb")):
        content = Path(f"/proc/{form}").read_bytes()
        rows, info = read_counters(tmp_path / form, form, content)
        lines = [line.replace(":", "").split() for line in content.decode().splitlines()]
        assert picked(rows, "name", value) == [(line[0], int(line[1])) for line in lines]
        assert info.records_damaged == 0


def test_mounts_of_this_machine() -> None:
    table, info = read_mountinfo(Path("/proc/self/mountinfo"))
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    assert table["mount_id"].to_list() == [int(line.split()[0]) for line in lines]
    assert info.records_damaged == 0
    assert all(split_options(text)[0][0] in {"rw", "ro"} for text in table["super_options"].to_list())
