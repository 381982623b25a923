"""Running SQL on a store: the library loaded, the result in Arrow batches, every mistake one line."""

from __future__ import annotations

import atexit
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from cowtrace.errors import StoreError, UsageError, unknown_name
from cowtrace.queries.collection import catalog, load_order
from cowtrace.queries.names import declare, fulfil, promise
from cowtrace.schema import TABLES
from cowtrace.schema.derived import DERIVED

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from cowtrace.store.reader import Store
    from cowtrace.symbols import Sources

#: Rows of one batch of a result: bounds the memory of everything that prints or writes results.
BATCH_ROWS = 65_536

_NAME = re.compile(r"[A-Za-z_]\w*(/\w+)*")
#: Statement types that answer without changing anything; PIVOT is MULTI because DuckDB first collects its columns.
_ASKING = ("SELECT", "EXPLAIN", "MULTI")


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to one question; its batches can be read once.

    Attributes:
        columns: Names, in order; a name that SQL gave twice carries a number from the second on.
        types: DuckDB's type names, one a column.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...]
    reader: pa.RecordBatchReader

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Arrow batches of at most ``BATCH_ROWS`` rows, computed while they are read.

        Raises:
            UsageError: The SQL fails on a row (a cast, an overflow), or needs more memory than there is.
        """
        import duckdb
        import pyarrow as pa

        try:
            for batch in self.reader:
                yield batch.rename_columns(list(self.columns))
        except (duckdb.Error, pa.ArrowException, OSError) as error:  # Arrow passes DuckDB's errors on as OSError
            raise UsageError(f"SQL: {one_line(error)}") from None

    def rows(self) -> Iterator[dict[str, Any]]:
        """Rows as Python values."""
        for batch in self.batches():
            yield from batch.to_pylist()


def connect(store: Store, sources: Sources | None = None) -> duckdb.DuckDBPyConnection:
    """A connection with the store's tables and the whole library as views.

    Names of code (table ``frame`` and what belongs to it) are found when the first question reads them; ``sources`` says where.

    Large sorts spill into the system's temporary folder. DuckDB may neither fetch extensions from the network nor take Python
    variables for tables.

    Raises:
        StoreError: A table of the store is damaged.
    """
    import duckdb

    spill = _spill_folder().replace("'", "''")
    try:
        connection = store.connect()
        connection.execute(f"SET temp_directory = '{spill}'")
        connection.execute("SET autoinstall_known_extensions = false")
        connection.execute("SET autoload_known_extensions = false")
        connection.execute("SET python_enable_replacements = false")
        load(connection)
        promise(connection, store, sources)
    except duckdb.Error as error:
        raise StoreError(f"{store.path}: unreadable ({one_line(error)}); ingest the recording again with --force") from None
    return connection


@cache
def _spill_folder() -> str:
    """A private folder for this process: DuckDB would otherwise spill into .tmp in the current folder, and leave it there."""
    folder = tempfile.mkdtemp(prefix="cowtrace-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def load(connection: duckdb.DuckDBPyConnection) -> None:
    """Create every view and macro of the library on a connection that has the store's tables."""
    declare(connection)
    for query in load_order():
        connection.execute(query.sql)


def run(connection: duckdb.DuckDBPyConnection, text: str) -> Result:
    """The answer to a query of the library, a whole table, or one SQL statement.

    Args:
        connection: From ``connect``.
        text: ``fault/by_kind`` (or ``fault_by_kind``), a table's name, or SQL.

    Raises:
        UsageError: No such name; not exactly one statement that only reads; or DuckDB's own complaint on one line.
    """
    import duckdb

    sql = resolve_name(text)
    try:
        fulfil(connection, sql)
        statements = connection.extract_statements(sql)
        if len(statements) != 1:
            raise UsageError(f"SQL: expected one statement, found {len(statements)}")
        kind = statements[0].type.name
        if kind not in _ASKING:
            raise UsageError(f"SQL: {kind} does not only read; a query is one SELECT (results go to a file with -o)")
        relation = connection.sql(sql)
        if relation is None:
            raise UsageError("SQL: the statement has no result")
        return Result(_distinct(relation.columns), tuple(map(str, relation.types)), _reader(relation))
    except duckdb.Error as error:
        raise UsageError(f"SQL: {one_line(error)}") from None


def materialize(connection: duckdb.DuckDBPyConnection, view: str) -> str:
    """Compute a view of the library once, into a temporary table in the same order; returns the table's name.

    Raises:
        UsageError: DuckDB could not (memory, disk, a damaged store).
    """
    import duckdb

    name = f"computed_{view}"
    try:
        fulfil(connection, view)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM {view}")
    except duckdb.Error as error:
        raise UsageError(f"{view}: {one_line(error)}") from None
    return name


def summarize(connection: duckdb.DuckDBPyConnection) -> None:
    """Sum the faults once for all groupings of the library that follow on this connection; their answers stay the same.

    Raises:
        UsageError: DuckDB could not (memory, disk, a damaged store).
    """
    import duckdb

    try:
        connection.execute(_SUMMARIZE)
    except duckdb.Error as error:
        raise UsageError(f"fault: {one_line(error)}") from None


#: Unknown measures stay apart from known ones, so that sums and filters see what they would see fault by fault.
_SUMMARIZE = """
CREATE TABLE computed_fault__summed AS
SELECT
    tgid, comm, mm_id, kind, family, fork_id, fork_side, vma_id,
    sum(fault_count)::BIGINT AS fault_count,
    sum(copied_bytes)::BIGINT AS copied_bytes,
    sum(zeroed_bytes)::BIGINT AS zeroed_bytes,
    sum(duration_ns)::BIGINT AS duration_ns,
    sum(unsized_count)::BIGINT AS unsized_count
FROM fault__summed
GROUP BY
    tgid, comm, mm_id, kind, family, fork_id, fork_side, vma_id,
    copied_bytes IS NULL, zeroed_bytes IS NULL, duration_ns IS NULL;
CREATE OR REPLACE VIEW fault__summed AS FROM computed_fault__summed
"""


def resolve_name(text: str) -> str:
    """SQL for a name of the library or a table; SQL stays as it is.

    Raises:
        UsageError: A single word that is no name; the nearest ones are listed.
    """
    text = text.strip().rstrip(";").rstrip()
    if not _NAME.fullmatch(text):
        return text
    for query in catalog().values():
        if text in (query.name, query.view):
            return query.select
    if text in TABLES or text in DERIVED:
        return f"FROM {text}"
    raise unknown_name("query", text, [*public_names(), *TABLES, *DERIVED])


def public_names() -> list[str]:
    """Names of the queries for users, sorted."""
    return [query.name for query in catalog().values() if not query.is_private]


def one_line(error: BaseException) -> str:
    """DuckDB's message without the excerpt of the statement that it draws below."""
    message = str(error)
    excerpt = re.search(r"\n+LINE (\d+):", message)
    if excerpt is None:
        return " ".join(message.split())
    place = f" (line {excerpt[1]})" if excerpt[1] != "1" else ""
    return " ".join(message[: excerpt.start()].split()) + place


def _distinct(names: list[str]) -> tuple[str, ...]:
    distinct: list[str] = []
    for name in names:
        number, candidate = 1, name
        while candidate in distinct:
            number += 1
            candidate = f"{name}_{number}"
        distinct.append(candidate)
    return tuple(distinct)


def _reader(relation: Any) -> pa.RecordBatchReader:
    # DuckDB before 1.5 has the same method under another name
    read = getattr(relation, "to_arrow_reader", None) or relation.fetch_arrow_reader
    reader: pa.RecordBatchReader = read(BATCH_ROWS)
    return reader
