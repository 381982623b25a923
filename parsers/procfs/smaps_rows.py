"""The mappings in some lines of smaps, and the fields that certainly belong to each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cowtrace.parsers.procfs.blocks import Tally
from cowtrace.parsers.procfs.fields import FLAGS_NAME, KNOWN_NAMES, FieldNames, is_field_name
from cowtrace.parsers.procfs.lines import MAX_LINE_BYTES, Index, Lines, Mask, byte_set
from cowtrace.parsers.procfs.mapping import MIN_MAPPING_BYTES, ROLLUP_PATH, Mappings, scan_mappings
from cowtrace.parsers.procfs.marks import Mark, read_marks
from cowtrace.parsers.procfs.scans import MAX_NAME_BYTES, ends_in_kb, intern_names, tail_numbers

_HEX_BYTES = byte_set(b"0123456789abcdef")
_INT64_MAX = np.uint64((1 << 63) - 1)
# What a field line fills: a numeric column (0 and up), VmFlags, nothing that there is a column for, nothing since it is broken.
_FLAGS, _UNKNOWN, _BROKEN = -1, -2, -3
_UNOWNED = "fields without a certain mapping"


@dataclass(slots=True)
class Rows:
    """Mappings in file order.

    Attributes:
        mappings: Their first lines, all valid.
        lines: The numbers of these lines.
        is_rollup: The line is that of a rollup: all mappings of the process together.
        columns: Names of the numeric columns, one per row of the matrices.
        values: int64[columns, mappings].
        valid: Likewise; False is NULL.
        flags: VmFlags of each mapping; None where the line is absent, b"" where it is empty.
        field_counts: Fields of each mapping, whether their value could be stored or not.
        marks: Marks with their line numbers, in file order.
    """

    mappings: Mappings
    lines: Index
    is_rollup: Mask
    columns: list[str]
    values: npt.NDArray[np.int64]
    valid: Mask
    flags: list[bytes | None]
    field_counts: Index
    marks: list[tuple[int, Mark]]


@dataclass(slots=True)
class _Fields:
    """Field lines: number of the line, where its value starts, what it fills in which mapping, and its value if it has one."""

    line: Index
    low: Index
    fills: Index
    row: Index
    value: npt.NDArray[np.int64]
    valid: Mask
    columns: list[str]

    def only(self, keep: Mask) -> _Fields:
        line, low, fills, row = (array[keep] for array in (self.line, self.low, self.fills, self.row))
        return _Fields(line, low, fills, row, self.value[keep], self.valid[keep], self.columns)


def read_rows(lines: Lines, names: FieldNames, tally: Tally) -> Rows:
    """The mappings in ``lines``; what can't be read, or can't be given to a mapping, is counted in ``tally``."""
    if lines.is_cut:
        tally.add("the file ends within a line")
        # Only a value with its unit is whole without the newline.
        if not lines.data[int(lines.starts[-1]) : int(lines.ends[-1])].endswith(b" kB"):
            lines = lines.without_last()
    first = lines.first_bytes()
    size = lines.ends - lines.starts
    short = size <= MAX_LINE_BYTES
    candidates = np.flatnonzero(_HEX_BYTES[first] & short & (size >= MIN_MAPPING_BYTES))
    scanned = scan_mappings(lines, candidates)
    is_mapping = np.zeros(len(first), dtype=np.bool_)
    is_mapping[candidates[scanned.is_mapping]] = True
    is_field = (first >= ord("A")) & (first <= ord("Z")) & short
    is_break = ~is_mapping & ~is_field
    marks, is_apart = read_marks(lines, is_break)
    is_break &= ~is_apart
    tally.add("lines that are neither a mapping nor a field", int(np.count_nonzero(is_break)))
    fields = _read_fields(lines, np.flatnonzero(is_field), names, tally)
    is_break[fields.line[fields.fills == _BROKEN]] = True
    is_break[[line for line, _ in marks]] = True

    # A field belongs to the last mapping line before it, unless something broken or a mark stands between them.
    numbers: Index = np.arange(len(first), dtype=np.int64)
    last_mapping = np.maximum.accumulate(np.where(is_mapping, numbers, -1))
    last_break = np.maximum.accumulate(np.where(is_break, numbers, -1))
    owned = (last_mapping > last_break)[fields.line]
    tally.add(_UNOWNED, int(np.count_nonzero(~owned & (fields.fills != _BROKEN))))
    tally.add_unknown("fields of a kind that has no column", int(np.count_nonzero(owned & (fields.fills == _UNKNOWN))))
    fields.row = (np.cumsum(is_mapping) - 1)[fields.line]
    fields = _without_repeats(fields.only(owned & (fields.fills >= _FLAGS)), tally)
    values, valid, field_counts = _fill(fields, int(np.count_nonzero(is_mapping)))
    flags: list[bytes | None] = [None] * len(field_counts)
    for number in np.flatnonzero(fields.fills == _FLAGS).tolist():
        flags[fields.row[number]] = lines.data[fields.low[number] : lines.ends[fields.line[number]]].strip()
    mappings = scanned.only_valid()
    is_rollup = np.array([path == ROLLUP_PATH for path in mappings.paths], dtype=np.bool_)
    numbers = np.flatnonzero(is_mapping)
    return Rows(mappings, numbers, is_rollup, fields.columns, values, valid, flags, field_counts, marks)


def _read_fields(lines: Lines, which: Index, names: FieldNames, tally: Tally) -> _Fields:
    starts, ends = lines.starts[which], lines.ends[which]
    colons = np.append(np.flatnonzero(lines.buf == ord(":")), len(lines.buf))
    colon = colons[np.searchsorted(colons, starts)]
    named = (colon < ends) & (colon - starts <= MAX_NAME_BYTES)
    tally.add("fields that can't be read", int(np.count_nonzero(~named)))
    broken = which[~named]
    which, starts, ends, colon = which[named], starts[named], ends[named], colon[named]

    low = colon + 1
    is_kb = ends_in_kb(lines, low, ends)
    value, is_number, too_large = tail_numbers(lines, low, np.where(is_kb, ends - 3, ends))
    too_large |= value > _INT64_MAX
    code, texts = intern_names(lines, starts, colon)
    # A name with and without unit, and with a text in place of a number, are three things.
    kind = code * 3 + np.where(is_number, is_kb.astype(np.int64), 2)
    columns: dict[str, int] = {}
    fills_by_kind = np.full(len(texts) * 3, _BROKEN, dtype=np.int64)
    # By name, so that which of too many unknown fields get a column does not hang on anything else.
    for number in sorted(np.unique(kind).tolist(), key=lambda number: texts[number // 3]):
        fills_by_kind[number] = _fills(texts[number // 3], number % 3, names, columns)
    fills = fills_by_kind[kind]
    tally.add("fields that can't be read", int(np.count_nonzero(fills == _BROKEN)))
    tally.add("values beyond 64 bits", int(np.count_nonzero(too_large & (fills >= 0))))
    none: Index = np.zeros(len(broken), dtype=np.int64)
    return _Fields(
        np.concatenate([which, broken]),
        np.concatenate([low, none]),
        np.concatenate([fills, none + _BROKEN]),
        np.zeros(len(which) + len(broken), dtype=np.int64),
        np.concatenate([np.where(too_large, 0, value.astype(np.int64)), none]),
        np.concatenate([is_number & ~too_large, none > 0]),
        list(columns),
    )


def _fills(name: bytes, form: int, names: FieldNames, columns: dict[str, int]) -> int:
    """What a field fills; ``form``: 0 a number, 1 a number in kB, 2 no number."""
    if name == FLAGS_NAME:
        return _FLAGS
    if form < 2 and (column := names.column(name, form == 1)) is not None:
        return columns.setdefault(column, len(columns))
    return _BROKEN if name in KNOWN_NAMES or not is_field_name(name) else _UNKNOWN


def _without_repeats(fields: _Fields, tally: Tally) -> _Fields:
    """The fields before the first one that its mapping already has: a mapping line is missing there."""
    cell = fields.row * (len(fields.columns) + 1) + fields.fills + 1
    row_count = int(fields.row.max(initial=-1)) + 1
    seen = np.zeros(row_count * (len(fields.columns) + 1), dtype=np.bool_)
    seen[cell] = True
    if np.count_nonzero(seen) == len(cell):
        return fields
    order = np.lexsort((fields.line, cell))
    repeats = order[1:][np.diff(cell[order]) == 0]
    limit = np.full(row_count, np.iinfo(np.int64).max, dtype=np.int64)
    np.minimum.at(limit, fields.row[repeats], fields.line[repeats])
    keep = fields.line < limit[fields.row]
    tally.add(_UNOWNED, int(np.count_nonzero(~keep)))
    return fields.only(keep)


def _fill(fields: _Fields, row_count: int) -> tuple[npt.NDArray[np.int64], Mask, Index]:
    """Values, which of them there are, and the number of fields of each mapping."""
    shape = (len(fields.columns), row_count)
    values, valid = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.bool_)
    is_numeric = fields.fills >= 0
    cell = (fields.fills[is_numeric], fields.row[is_numeric])
    values[cell], valid[cell] = fields.value[is_numeric], fields.valid[is_numeric]
    return values, valid, np.bincount(fields.row, minlength=row_count)
