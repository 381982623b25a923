"""Births and exits told once, although several events and several instances may have recorded each."""

from __future__ import annotations

import numpy as np

from cowtrace.parsers.words import Array, Index


def once(facts: dict[str, Array], *names: str) -> dict[str, Array]:
    """One row for what several sources tell: the ``n``-th time that each source tells it is the same time.

    Args:
        facts: A table with ts_ns, seq, source and the columns ``names``.
        names: Columns that are equal when the same thing is told, e.g. the tids of child and parent.

    Returns:
        The earliest row of each, in file order. A column ``how`` has the largest of the values.
    """
    if not len(facts["seq"]):
        return facts
    keys = [facts[name] for name in names]
    by_source = np.lexsort((facts["seq"], facts["ts_ns"], facts["source"], *keys))
    starts = _starts([column[by_source] for column in (*keys, facts["source"])])
    time = np.empty(len(by_source), np.int64)
    time[by_source] = np.arange(len(by_source)) - np.repeat(starts, np.diff(np.append(starts, len(by_source))))
    order = np.lexsort((facts["seq"], facts["ts_ns"], time, *keys))
    first = _starts([column[order] for column in (*keys, time)])
    result = {name: column[order[first]] for name, column in facts.items()}
    if "how" in facts:
        result["how"] = np.maximum.reduceat(facts["how"][order], first)
    in_file_order = np.argsort(result["seq"])
    return {name: column[in_file_order] for name, column in result.items()}


def _starts(columns: list[Array]) -> Index:
    """First row of every run of rows that are equal in all columns."""
    changes = np.zeros(len(columns[0]), bool)
    changes[0] = True
    for column in columns:
        changes[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(changes)
