"""One real workload under cowtrace and under the witness at once, and the two accounts side by side."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from tests.support import live, witness

#: Rows of the comparison: the fault table's condition, and the witness's outcomes that mean the same.
MEASURES: dict[str, tuple[str, tuple[str, ...]]] = {
    "anonymous copies": ("kind IN ('cow_copy', 'ksm_copy') OR (kind = 'thp_split' AND copied_bytes > 0)", ("copy",)),
    "file copies": ("kind = 'file_cow'", ("file_copy",)),
    "zero fills": ("kind = 'anon_zero'", ("zero_fill",)),
    "writes over the zero page": ("kind = 'zero_page_cow'", ("zero_copy",)),
    "huge fills": ("kind IN ('thp_zero', 'thp_zero_page_cow')", ("huge_fill", "huge_zero_copy")),
    "reuses": (
        "kind IN ('cow_reuse', 'thp_reuse', 'spurious') OR (kind = 'thp_split' AND copied_bytes = 0)",
        ("reuse",),
    ),
}

TOLERANCE = 0.005


@dataclass(frozen=True)
class Row:
    """One measure of one process in both accounts."""

    tgid: int
    comm: str
    measure: str
    cowtrace: int
    witness: int

    @property
    def agrees(self) -> bool:
        """Within half a percent of the larger."""
        return abs(self.cowtrace - self.witness) <= TOLERANCE * max(self.cowtrace, self.witness)


def compare(store: Path, accounts: dict[int, witness.Account]) -> list[Row]:
    """Rows for every process that the witness saw, measures that both put at zero left out."""
    sums = ", ".join(f"coalesce(sum(weight) FILTER ({where}), 0)::BIGINT" for where, _ in MEASURES.values())
    skip = ", ".join(f"'{name}'" for name in witness.BEFORE_EXEC)
    query = (
        f"SELECT tgid, {sums} FROM read_parquet(?) JOIN account USING (tgid)"
        f" WHERE comm NOT IN ({skip}) AND ts_ns >= account.begin_ns GROUP BY tgid"
    )
    with duckdb.connect() as db:
        db.execute("CREATE TABLE account (tgid INT, begin_ns BIGINT)")
        db.executemany("INSERT INTO account VALUES (?, ?)", [(a.tgid, a.begin_ns) for a in accounts.values()])
        stored = {row[0]: row[1:] for row in db.execute(query, [str(store / "fault.parquet")]).fetchall()}
    rows = []
    for tgid, account in sorted(accounts.items()):
        counts = stored.get(tgid, (0,) * len(MEASURES))
        for (measure, (_, outcomes)), count in zip(MEASURES.items(), counts, strict=True):
            witnessed = sum(account.counts[outcome] for outcome in outcomes)
            if count or witnessed:
                rows.append(Row(tgid, account.comm, measure, count, witnessed))
    return rows


def workload_command(name: str, folder: Path, *options: str) -> list[str]:
    """The command line of ``tests/workloads/NAME.py``."""
    script = Path(__file__).parent.parent / "workloads" / f"{name}.py"
    return [sys.executable, "-I", str(script), str(folder), *options]


def run(level: str, name: str, folder: Path, *options: str) -> list[Row]:
    """Record one workload with cowtrace, the witness inside, and compare.

    Args:
        level: Recording level.
        name: Workload.
        folder: An empty folder; keeps the recording, the witness's data and the store.
        *options: Of the workload.
    """
    work = folder / "work"
    work.mkdir()
    for readable in (folder, work):
        readable.chmod(0o755)  # Apache's servers run as another user
    command = witness.record_command(folder / "witness.data", workload_command(name, work, *options))
    store = live.ingest(live.record(level, folder / "rec", command), folder / "store")
    return compare(store, witness.counts(folder / "witness.data"))


def missing(name: str) -> str | None:
    """The program that the workload needs and this host lacks."""
    needs: dict[str, Sequence[str]] = {
        "redis_bgsave": ("redis-server",),
        "apache_prefork": ("apache2",),
        "compile_c": ("cc",),
    }
    absent = [program for program in needs.get(name, ()) if shutil.which(program) is None]
    return f"{absent[0]} is not installed" if absent else None
