"""What a careful user does with ``perf script``: its text from stdin into a table. Prints the rows.

perf script -F comm,pid,tid,time,event,addr,ip -i perf.data | python -m tests.benchmarks.parse_text
"""

from __future__ import annotations

import sys

import polars as pl

_ROWS_AT_ONCE = 1 << 20
_COLUMNS = ("comm", "task", "time", "event", "addr", "ip")


def main() -> None:
    """Split lines from the right, since a comm may hold anything; numbers are made of whole columns."""
    tables: list[pl.DataFrame] = []
    rows: list[tuple[str, str, str, str, str, str]] = []
    for line in sys.stdin:
        if line.startswith("\t"):
            comm, task, when, event, addr, chain = rows[-1]
            rows[-1] = comm, task, when, event, addr, f"{chain};{line.strip()}"
        elif len(line) > 1:
            # "        snap 355 25500/25500  3179.631581: page-faults:     7f1f6e6e5408     5608182c443d"
            parts = line.rsplit(None, 4)
            if not parts[-1].endswith(":") and parts[1].endswith(":") and parts[2].endswith(":"):
                head, when, event, addr, ip = parts
            else:
                # with a call chain the ip follows on lines of its own
                head, when, event, addr = line.rsplit(None, 3)
                ip = ""
            comm, task = head.rsplit(None, 1)
            if len(rows) >= _ROWS_AT_ONCE:
                tables.append(_table(rows))
                rows = []
            rows.append((comm, task, when, event, addr, ip))
    tables.append(_table(rows))
    print(sum(len(table) for table in tables))


def _table(rows: list[tuple[str, str, str, str, str, str]]) -> pl.DataFrame:
    texts = pl.DataFrame(rows, schema=dict.fromkeys(_COLUMNS, pl.String), orient="row")
    task = pl.col("task").str.splitn("/", 2).struct
    return texts.select(
        pl.col("comm").str.strip_chars().cast(pl.Categorical),
        task.field("field_0").cast(pl.Int32).alias("pid"),
        task.field("field_1").cast(pl.Int32).alias("tid"),
        (pl.col("time").str.strip_chars_end(":").str.replace(".", "", literal=True).cast(pl.Int64) * 1000).alias("ts_ns"),
        pl.col("event").str.strip_chars_end(":").cast(pl.Categorical),
        pl.col("addr").str.to_integer(base=16, dtype=pl.UInt64),
        pl.col("ip").cast(pl.Categorical),
    )


if __name__ == "__main__":
    main()
