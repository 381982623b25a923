"""Trace events as Perfetto and chrome://tracing read them: faults on their threads, forks and copy-ups, counters of each process.

Source: the Trace Event Format document of the Chromium project. DuckDB writes the lines: a recording has millions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from cowtrace.queries import connect

if TYPE_CHECKING:
    from cowtrace.store.reader import Store

_BATCH_ROWS = 10_000


def export(store: Store, out: BinaryIO, measure: str) -> None:
    """Write ``{"traceEvents": [...]}``; every fault is there, whatever the measure, which chooses the counters' unit only."""
    counter = {"copied_bytes": "copied_bytes * weight", "time": "coalesce(duration_ns, 0) * weight"}.get(measure, "weight")
    first = True
    out.write(b'{"displayTimeUnit":"ns","traceEvents":[\n')
    with connect(store) as connection:
        for sql in (_NAMES, _FAULTS, _FORKS, _COPYUPS, _COUNTERS.format(counter=counter, name=measure)):
            cursor = connection.execute(sql)
            while rows := cursor.fetchmany(_BATCH_ROWS):
                text = ",\n".join(row[0] for row in rows)
                out.write((text if first else f",\n{text}").encode())
                first = False
    out.write(b"\n]}\n")


# times are in microseconds; three decimals keep the nanosecond
_NAMES = """
SELECT to_json({'ph': 'M', 'name': 'process_name', 'pid': tgid, 'args': {'name': comm}})::VARCHAR FROM process_name ORDER BY tgid
"""
_FAULTS = """
SELECT to_json({
    'ph': CASE WHEN duration_ns IS NULL THEN 'i' ELSE 'X' END,
    'name': kind, 'cat': coalesce(family, 'other'), 'pid': tgid, 'tid': tid, 'ts': ts_ns / 1000, 'dur': duration_ns / 1000, 's': 't',
    'args': {
        'addr': printf('0x%x', addr), 'ip': printf('0x%x', ip), 'comm': comm, 'evidence': evidence, 'confidence': round(confidence, 2),
        'copied_bytes': copied_bytes, 'fork_id': fork_id, 'is_major': is_major, 'weight': weight
    }
})::VARCHAR
FROM fault
LEFT JOIN fault_kind USING (kind)
"""
_FORKS = """
SELECT to_json({
    'ph': CASE WHEN duration_ns IS NULL THEN 'i' ELSE 'X' END,
    'name': 'fork', 'cat': 'fork', 'pid': parent_tgid, 'tid': parent_tgid,
    'ts': (ts_ns - coalesce(duration_ns, 0)) / 1000, 'dur': duration_ns / 1000, 's': 'p', 'args': {'fork_id': fork_id, 'child': child_tgid}
})::VARCHAR
FROM fork
"""
_COPYUPS = """
SELECT to_json({
    'ph': CASE WHEN duration_ns IS NULL THEN 'i' ELSE 'X' END,
    'name': 'copy-up ' || trigger, 'cat': 'copyup', 'pid': tgid, 'tid': tgid, 'ts': ts_ns / 1000, 'dur': duration_ns / 1000, 's': 'p',
    'args': {'path': path, 'copied_bytes': copied_bytes}
})::VARCHAR
FROM copyup
"""
#: Sums of stretches, not of single faults: a counter with a point a fault doubles the file.
_COUNTERS = """
WITH span AS (SELECT min(ts_ns) AS first_ns, (max(ts_ns) - min(ts_ns)) // 2000 + 1 AS length_ns FROM fault),
sums AS (
    SELECT tgid, first_ns + (ts_ns - first_ns) // length_ns * length_ns AS start_ns, coalesce(sum({counter}), 0)::BIGINT AS amount
    FROM fault, span
    GROUP BY tgid, start_ns
)
SELECT to_json({{
    'ph': 'C', 'name': '{name} so far', 'pid': tgid, 'ts': start_ns / 1000,
    'args': {{'{name}': (sum(amount) OVER (PARTITION BY tgid ORDER BY start_ns))::BIGINT}}
}})::VARCHAR
FROM sums
"""
