"""One object per table: it writes the Parquet schema and metadata, prints the documentation, and is compared with real data in tests."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

#: Version of the store's tables. Adding columns or tables keeps it; renaming or removing raises it.
SCHEMA_VERSION = 1

#: Strings that repeat (comm, kind, evidence) are stored once per row group.
NAME = pa.dictionary(pa.int32(), pa.string())


@dataclass(frozen=True, slots=True)
class Column:
    """One column: what it means, in which unit, and whether NULL ("the recording can't tell") may stand in it."""

    name: str
    type: pa.DataType
    doc: str
    unit: str = ""
    nullable: bool = False

    def arrow(self) -> pa.Field:
        """The Arrow field, with meaning and unit as metadata."""
        metadata = {"doc": self.doc} | ({"unit": self.unit} if self.unit else {})
        return pa.field(self.name, self.type, nullable=self.nullable, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the store.

    Attributes:
        name: Table name, singular.
        grain: What one row is.
        columns: In the order of the file.
        open_ended: More columns may follow that only the input names (``smaps`` keeps unknown fields).
    """

    name: str
    grain: str
    columns: tuple[Column, ...]
    open_ended: bool = False

    def arrow(self) -> pa.Schema:
        """The Arrow schema with table metadata."""
        return pa.schema(
            [column.arrow() for column in self.columns],
            metadata={"cowtrace.table": self.name, "cowtrace.grain": self.grain, "cowtrace.schema": str(SCHEMA_VERSION)},
        )

    def names(self) -> tuple[str, ...]:
        """Column names in file order."""
        return tuple(column.name for column in self.columns)


def ts_ns(doc: str, *, name: str = "ts_ns", nullable: bool = False) -> Column:
    """A point in time on the recording's clock."""
    return Column(name, pa.int64(), doc, unit="ns", nullable=nullable)


def duration_ns(doc: str, *, nullable: bool = True) -> Column:
    """A length of time."""
    return Column("duration_ns", pa.int64(), doc, unit="ns", nullable=nullable)


def size_bytes(name: str, doc: str, *, nullable: bool = True) -> Column:
    """An amount of memory or file data."""
    return Column(name, pa.int64(), doc, unit="bytes", nullable=nullable)


def address(name: str, doc: str, *, nullable: bool = False) -> Column:
    """A virtual address."""
    return Column(name, pa.uint64(), doc, unit="address", nullable=nullable)


def key(name: str, doc: str, *, nullable: bool = False) -> Column:
    """A row number of this or another table; dense from 0, meaningful within one store only."""
    return Column(name, pa.int64(), doc, nullable=nullable)


def pid(name: str, doc: str, *, nullable: bool = False) -> Column:
    """A process or thread id as the recorder saw it."""
    return Column(name, pa.int32(), doc, nullable=nullable)


def label(name: str, doc: str, *, nullable: bool = False) -> Column:
    """A string that repeats over many rows."""
    return Column(name, NAME, doc, nullable=nullable)
