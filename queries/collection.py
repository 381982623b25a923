"""The library as data: one ``.sql`` file a question, read from its own comments.

A file says, in this order: the question, ``Grain:``, remarks, and one ``CREATE OR REPLACE`` of a view or table macro in which a comment
stands above every column and parameter. Its path is its name: ``fault/by_kind.sql`` is ``fault/by_kind`` and makes ``fault_by_kind``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).resolve().parent
_CREATE = re.compile(r"^CREATE OR REPLACE (VIEW|MACRO) (\w+)\($", re.MULTILINE)
#: The columns of a macro: the names that its last step gives them (DuckDB macros have no column list of their own).
_MACRO_COLUMNS = re.compile(r"^WITH \w+\($", re.MULTILINE)
_COMMENT = re.compile(r"--[^\n]*")


@dataclass(frozen=True, slots=True)
class Documented:
    """A column or parameter with its meaning; the unit stands in the text."""

    name: str
    doc: str


@dataclass(frozen=True, slots=True)
class Query:
    """One question of the library.

    Attributes:
        name: Path without suffix: ``fault/by_kind``. A last part with a leading ``_`` is private: a step of other queries.
        view: Name in SQL: ``fault_by_kind``.
        question: What it answers, one sentence.
        grain: What one row is.
        remarks: What else to know, or "".
        columns: In the order of the result.
        parameters: Of a table macro, all with defaults; empty for a view.
        sql: The text of the file.
    """

    name: str
    view: str
    question: str
    grain: str
    remarks: str
    columns: tuple[Documented, ...]
    parameters: tuple[Documented, ...]
    is_macro: bool
    path: Path
    sql: str

    @property
    def is_private(self) -> bool:
        """True for a step that only other queries use."""
        return self.name.rpartition("/")[2].startswith("_")

    @property
    def select(self) -> str:
        """SQL that runs it with its defaults."""
        return f"FROM {self.view}()" if self.is_macro else f"FROM {self.view}"

    def words(self) -> frozenset[str]:
        """Identifiers in its SQL, comments left out."""
        return frozenset(re.findall(r"\w+", _COMMENT.sub("", self.sql)))


@cache
def catalog() -> dict[str, Query]:
    """All queries by name, private ones included.

    Raises:
        ValueError: A file breaks the form above; a bug of the library, found by its tests.
    """
    paths = sorted(_FOLDER.glob("*/*.sql"))
    return {query.name: query for query in map(read_query, paths)}


@cache
def load_order() -> tuple[Query, ...]:
    """All queries, each after those that it reads."""
    by_view = {query.view: query for query in catalog().values()}
    ordered: dict[str, Query] = {}

    def place(query: Query, above: tuple[str, ...]) -> None:
        if query.view in above:
            raise ValueError(f"{query.path}: reads itself through {' -> '.join(above)}")
        for view in sorted(query.words() & by_view.keys() - {query.view}):
            place(by_view[view], (*above, query.view))
        ordered[query.view] = query

    for query in by_view.values():
        place(query, ())
    return tuple(ordered.values())


def read_query(path: Path, folder: Path = _FOLDER) -> Query:
    """One file of the library in ``folder``.

    Raises:
        ValueError: As ``catalog``.
    """
    name = path.relative_to(folder).with_suffix("").as_posix()
    view = name.replace("/", "_")
    sql = path.read_text(encoding="utf-8")
    created = _CREATE.search(sql)
    if created is None or created[2] != view:
        raise ValueError(f"{path}: no CREATE OR REPLACE VIEW or MACRO {view}(")
    question, grain, remarks = _header(path, sql[: created.start()])
    listed = _documented(path, sql[created.end() :])
    is_macro = created[1] == "MACRO"
    columns = listed
    if is_macro:
        inner = _MACRO_COLUMNS.search(sql, created.end())
        if inner is None:
            raise ValueError(f"{path}: a macro names its columns in WITH step(")
        columns = _documented(path, sql[inner.end() :])
    return Query(name, view, question, grain, remarks, columns, listed if is_macro else (), is_macro, path, sql)


def _header(path: Path, text: str) -> tuple[str, str, str]:
    lines = [line.removeprefix("--").strip() for line in text.strip().splitlines()]
    at = next((number for number, line in enumerate(lines) if line.startswith("Grain: ")), None)
    if not at:
        raise ValueError(f"{path}: the question, then 'Grain: ...', stand at the top")
    return " ".join(lines[:at]), lines[at].removeprefix("Grain: "), " ".join(lines[at + 1 :])


def _documented(path: Path, text: str) -> tuple[Documented, ...]:
    """``-- meaning`` lines, then ``name,`` or ``name := default,``, up to the closing parenthesis."""
    found: list[Documented] = []
    comment: list[str] = []
    for line in map(str.strip, text.strip().splitlines()):
        if line.startswith(")"):
            return tuple(found)
        if line.startswith("--"):
            comment.append(line.removeprefix("--").strip())
            continue
        name = re.match(r"\w+", line)
        if name is None or not comment:
            raise ValueError(f"{path}: {line!r} has no comment above it")
        found.append(Documented(name[0], " ".join(comment)))
        comment = []
    raise ValueError(f"{path}: the list of columns does not end")
