"""Names of smaps fields and the columns that they fill."""

from __future__ import annotations

import re

import pyarrow as pa

from cowtrace.schema.smaps import SMAPS, SMAPS_FIELDS, smaps_field_column

#: The one line of smaps that is text: two-letter codes, each followed by a blank.
FLAGS_NAME = b"VmFlags"
#: Fields that no known kernel prints get columns, up to this number; more are damage, not fields.
MAX_UNKNOWN = 200

#: Fields of known kernels: column, and whether the line carries kB.
KNOWN_NAMES: dict[bytes, tuple[str, bool]] = {field.name.encode(): (field.column, field.is_kb) for field in SMAPS_FIELDS}
_DECLARED = frozenset(SMAPS.names())
_NAME = re.compile(rb"[A-Z][!-9;-~]*")
# KernelPageSize -> Kernel|Page|Size, MMUPageSize -> MMU|Page|Size
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def is_field_name(name: bytes) -> bool:
    """Whether a line of smaps could start with this name: printable, no blank, an upper-case letter first."""
    return _NAME.fullmatch(name) is not None


def column_of(name: bytes, is_kb: bool) -> str | None:
    """The column of a numeric field; None when it can't be one.

    ``Shared_Clean`` of a line in kB is ``shared_clean_kb``, ``Ptes@4kB`` is ``ptes_4k_b_kb``, a line without unit has
    no ``_kb``. A known name must come with its unit. A new name never takes the column of another thing: ``Path: 5`` is
    ``path_value``.
    """
    if name in KNOWN_NAMES:
        column, needs_kb = KNOWN_NAMES[name]
        return column if needs_kb == is_kb else None
    if not is_field_name(name) or name == FLAGS_NAME:
        return None
    words = re.sub(r"[^a-z0-9]+", "_", _HUMP.sub("_", name.decode("ascii")).lower()).strip("_")
    column = f"{words}_kb" if is_kb else words
    return f"{column}_value" if column in _DECLARED else column


class FieldNames:
    """The columns beyond the declared ones, over all files of one table."""

    def __init__(self) -> None:
        self._known: dict[tuple[bytes, bool], str] = {}
        self._unknown: dict[str, bytes] = {}
        self._schema = SMAPS.arrow()

    def column(self, name: bytes, is_kb: bool) -> str | None:
        """As ``column_of``; also None for a new field when there are too many."""
        column = self._known.get((name, is_kb)) or column_of(name, is_kb)
        if column is None or (name, is_kb) in self._known:
            return column
        if column not in _DECLARED and column not in self._unknown:
            if len(self._unknown) >= MAX_UNKNOWN:
                return None
            self._unknown[column] = name
        if len(self._known) < 2 * MAX_UNKNOWN + len(KNOWN_NAMES):
            self._known[name, is_kb] = column
        return column

    @property
    def unknown(self) -> dict[str, str]:
        """Columns of unknown fields in alphabetical order, each with the name in the file that first had it."""
        return {column: self._unknown[column].decode("ascii") for column in sorted(self._unknown)}

    def schema(self) -> pa.Schema:
        """Table ``smaps`` with the declared columns, then the unknown fields so far."""
        if len(self._schema) == len(_DECLARED) + len(self._unknown):
            return self._schema
        extra = [smaps_field_column(column, f"Field {name} of the file.") for column, name in self.unknown.items()]
        declared = SMAPS.arrow()
        self._schema = pa.schema([*declared, *(column.arrow() for column in extra)], metadata=declared.metadata)
        return self._schema
