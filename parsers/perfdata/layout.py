"""Where the fields of a record are, decided once per event from its attr.

Source: include/uapi/linux/perf_event.h, comments on PERF_RECORD_SAMPLE, struct sample_id and read_format. Positions are in u64 words;
word 0 of a record is its header.
"""

from __future__ import annotations

from dataclasses import dataclass

from cowtrace.parsers.perfdata.attr import Attr

# PERF_SAMPLE_*
IP, TID, TIME, ADDR, READ, CALLCHAIN, ID, CPU, PERIOD, STREAM_ID, RAW = (1 << bit for bit in range(11))
BRANCH_STACK, REGS_USER, STACK_USER, WEIGHT, DATA_SRC, IDENTIFIER, TRANSACTION, REGS_INTR = (1 << bit for bit in range(11, 19))
PHYS_ADDR, AUX, CGROUP, DATA_PAGE_SIZE, CODE_PAGE_SIZE, WEIGHT_STRUCT = (1 << bit for bit in range(19, 25))
# PERF_FORMAT_*
READ_ENABLED, READ_RUNNING, READ_ID, READ_GROUP, READ_LOST = (1 << bit for bit in range(5))
# PERF_SAMPLE_BRANCH_*
_BRANCH_HW_INDEX, _BRANCH_COUNTERS = 1 << 17, 1 << 19

#: Order of the fields in a SAMPLE.
_SAMPLE_ORDER: tuple[tuple[int, str], ...] = (
    (IDENTIFIER, "identifier"),
    (IP, "ip"),
    (TID, "tid"),
    (TIME, "time"),
    (ADDR, "addr"),
    (ID, "id"),
    (STREAM_ID, "stream_id"),
    (CPU, "cpu"),
    (PERIOD, "period"),
    (READ, "read"),
    (CALLCHAIN, "callchain"),
    (RAW, "raw"),
    (BRANCH_STACK, "branch_stack"),
    (REGS_USER, "regs_user"),
    (STACK_USER, "stack_user"),
    (WEIGHT | WEIGHT_STRUCT, "weight"),
    (DATA_SRC, "data_src"),
    (TRANSACTION, "transaction"),
    (REGS_INTR, "regs_intr"),
    (PHYS_ADDR, "phys_addr"),
    (CGROUP, "cgroup"),
    (DATA_PAGE_SIZE, "data_page_size"),
    (CODE_PAGE_SIZE, "code_page_size"),
    (AUX, "aux"),
)
#: Order of the fields in a sample_id.
_ID_ORDER = ((TID, "tid"), (TIME, "time"), (ID, "id"), (STREAM_ID, "stream_id"), (CPU, "cpu"), (IDENTIFIER, "identifier"))
_KNOWN = sum(bit for bit, _ in _SAMPLE_ORDER)


@dataclass(frozen=True, slots=True)
class Part:
    """A field behind the first one of variable length.

    Its words are ``fixed``, plus ``each`` for every entry when the field starts with a count, or the bytes that ``unit`` names.
    """

    name: str
    fixed: int
    each: int = 0
    unit: str = "words"


@dataclass(frozen=True, slots=True)
class Layout:
    """The layout of one event's SAMPLE records and of the sample_id at the end of its other records.

    Attributes:
        fixed: Word of each field that stands at a constant place.
        parts: The fields behind them, in order; empty when all are fixed.
        words: Words before the first part: the whole record when there is none.
        id_back: Words from the end of a record that is no SAMPLE to each field of its sample_id; empty without sample_id_all.
        id_words: Words of the sample_id.
        members: Words of one counter in a group read, and of its head in front of them; 0 when the event reads no group.
        read_format: PERF_FORMAT_* bits.
    """

    fixed: dict[str, int]
    parts: tuple[Part, ...]
    words: int
    id_back: dict[str, int]
    id_words: int
    read_format: int

    def has(self, name: str) -> bool:
        """The samples have this field."""
        return name in self.fixed or any(part.name == name for part in self.parts)

    @property
    def id_word(self) -> int | None:
        """Word of a SAMPLE that tells its event."""
        return self.fixed.get("identifier", self.fixed.get("id"))


def layout_form(attr: Attr) -> tuple[int | bool, ...]:
    """Everything of an attr that its layout depends on; equal for events that share one."""
    regs = attr.sample_regs_user, attr.sample_regs_intr
    return attr.sample_type, attr.read_format, attr.branch_sample_type, *regs, attr.sample_id_all


def make_layout(attr: Attr) -> Layout | None:
    """The layout of an attr; None when it samples a field that is not known here, so nothing behind it can be found."""
    if attr.sample_type & ~_KNOWN:
        return None
    fixed: dict[str, int] = {}
    parts: list[Part] = []
    words = 1
    for bits, name in _SAMPLE_ORDER:
        if not attr.sample_type & bits:
            continue
        part = _part(name, attr)
        if parts or part.each or part.unit != "words":
            parts.append(part)
        else:
            fixed[name] = words
            words += part.fixed
    id_names = [name for bit, name in _ID_ORDER if attr.sample_type & bit] if attr.sample_id_all else []
    id_back = {name: len(id_names) - place for place, name in enumerate(id_names)}
    return Layout(fixed, tuple(parts), words, id_back, len(id_names), attr.read_format)


def _part(name: str, attr: Attr) -> Part:
    match name:
        case "read":
            return _read_part(attr.read_format)
        case "callchain":
            return Part(name, 1, each=1)
        case "raw":
            return Part(name, 0, unit="raw")
        case "branch_stack":
            index = 1 if attr.branch_sample_type & _BRANCH_HW_INDEX else 0
            return Part(name, 1 + index, each=4 if attr.branch_sample_type & _BRANCH_COUNTERS else 3)
        case "regs_user":
            return Part(name, attr.sample_regs_user.bit_count(), unit="regs")
        case "regs_intr":
            return Part(name, attr.sample_regs_intr.bit_count(), unit="regs")
        case "stack_user":
            return Part(name, 1, unit="stack")
        case "aux":
            return Part(name, 0, unit="bytes")
        case _:
            return Part(name, 1)


def _read_part(read_format: int) -> Part:
    times = (read_format & (READ_ENABLED | READ_RUNNING)).bit_count()
    counter = 1 + (read_format & (READ_ID | READ_LOST)).bit_count()
    if read_format & READ_GROUP:
        return Part("read", 1 + times, each=counter)
    return Part("read", times + counter)
