"""The library and the tables as help text."""

from __future__ import annotations

from textwrap import wrap

from cowtrace.errors import unknown_name
from cowtrace.queries.answer import public_names
from cowtrace.queries.collection import Query, catalog
from cowtrace.schema import NAME, TABLES, Table
from cowtrace.schema.derived import DERIVED

_WIDTH = 100


def describe_catalog() -> str:
    """Every public query with its question, then every table with its grain."""
    names = public_names()
    width = max(map(len, [*names, *TABLES, *DERIVED]))
    lines = ["Queries (cowtrace query STORE NAME; in SQL with _ for /):"]
    lines += _entries([(name, catalog()[name].question) for name in names], width)
    lines += ["", "Tables:"]
    lines += _entries([(table.name, table.grain) for table in TABLES.values()], width)
    lines += ["", "Tables of names, found on this machine when a question reads them:"]
    lines += _entries([(table.name, table.grain) for table in DERIVED.values()], width)
    return "\n".join(lines)


def describe_name(name: str) -> str:
    """One query or table: what it answers, what a row is, what each column means.

    Raises:
        UsageError: No such name.
    """
    for query in catalog().values():
        if name in (query.name, query.view):
            return _describe_query(query)
    tables = {**TABLES, **DERIVED}
    if name in tables:
        return _describe_table(tables[name])
    raise unknown_name("query or table", name, [*public_names(), *tables])


def _describe_query(query: Query) -> str:
    lines = [f"{query.name}: {query.question}", f"Grain: {query.grain}"]
    lines += wrap(query.remarks, _WIDTH)
    lines.append(f"SQL: SELECT ... {query.select}")
    if query.parameters:
        lines += ["", "Parameters:", *_entries([(item.name, item.doc) for item in query.parameters])]
    lines += ["", "Columns:", *_entries([(column.name, column.doc) for column in query.columns])]
    return "\n".join(lines)


def _describe_table(table: Table) -> str:
    entries = []
    for column in table.columns:
        unit = f" Unit: {column.unit}." if column.unit else ""
        null = " Can be NULL." if column.nullable else ""
        kind = "string" if column.type == NAME else str(column.type)
        entries.append((f"{column.name} {kind}", column.doc + unit + null))
    more = ["More columns may follow that only the input names."] if table.open_ended else []
    return "\n".join([f"{table.name}: a table.", f"Grain: {table.grain}.", *more, "", "Columns:", *_entries(entries)])


def _entries(entries: list[tuple[str, str]], width: int | None = None) -> list[str]:
    width = width or max(len(name) for name, _ in entries)
    lines = []
    for name, text in entries:
        first, *rest = wrap(text, max(_WIDTH - width - 4, 20)) or [""]
        lines.append(f"  {name.ljust(width)}  {first}".rstrip())
        lines += [" " * (width + 4) + line for line in rest]
    return lines
