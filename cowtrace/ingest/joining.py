"""Which recordings are one run, and what becomes of them.

Same machine, same clock, overlapping times, the same tasks: they become one recording with one time axis (``joined``). The same run on
clocks that can't be brought together: one of them fills the tables, the others are told of and left out, or every fault would count twice.
Everything else stands alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from os.path import basename

from cowtrace.attribution.roles import Roles, assign_roles
from cowtrace.ingest.joined import JoinedRecording
from cowtrace.ingest.joined_side import merge_sides, shifted
from cowtrace.ingest.same_run import Tasks, one_boot, one_machine, same_moments, same_story, same_times, shared_names, tasks_of
from cowtrace.parsers.base import EventDesc, Note, Recording, SideBand, SourceInfo

#: Formats with the recorder's own time stamps; texts round them, and an exception may then seem to follow its fault.
_EXACT_FORMATS = frozenset({"perf.data", "trace.dat"})
#: Batches number events in 16 bits.
_EVENTS_MAX = 1 << 16
#: Births just before the first event that both have.
_EDGE_NS = 1_000_000


@dataclass
class Stream:
    """The pieces of one recording.

    Attributes:
        pieces: In order of time, none overlapping another.
        side: Their side band.
        sources: What they were made of, and its number.
    """

    pieces: list[Recording]
    side: SideBand
    sources: list[tuple[int, Recording]]

    def __post_init__(self) -> None:
        self.roles: Roles = assign_roles(occurring(self.pieces))
        self.tasks: Tasks = tasks_of(self.side)

    @property
    def info(self) -> SourceInfo:
        return self.sources[0][1].info

    @property
    def name(self) -> str:
        return basename(self.info.path)

    @property
    def has_faults(self) -> bool:
        return self.roles.has_entry or self.roles.has_exit or self.roles.has_error_code

    @property
    def richness(self) -> tuple[int, bool, int, int]:
        """Larger: tells more of each fault."""
        roles = self.roles
        tells = 0
        if roles.has_entry or roles.has_exit or roles.has_error_code:
            tells = 1 if roles.sampled else 2 + roles.has_entry + 2 * roles.has_exit + roles.has_frames
        count = sum(piece.info.records_read for piece in self.pieces)
        return tells, self.info.hostname is not None, count, -self.sources[0][0]

    def range_ns(self) -> tuple[int, int] | None:
        """First and last time of events, births and execs; None without any."""
        times = [moment for piece in self.pieces for moment in (piece.info.first_ns, piece.info.last_ns) if moment is not None]
        if len(self.tasks.ts_ns):
            times += [int(self.tasks.ts_ns.min()), int(self.tasks.ts_ns.max())]
        return (min(times), max(times)) if times else None


def occurring(pieces: Sequence[Recording]) -> list[EventDesc]:
    """Events of the recordings; hidden those that do not occur: a trace.dat describes all that the kernel has."""
    counts = [piece.info.records_by_type for piece in pieces]
    lead = pieces[0]
    if not any(event.name in count for event in lead.events for count in counts):
        return list(lead.events)
    return [event if any(count.get(event.name) for count in counts) else replace(event, hidden=True) for event in lead.events]


def own_clock(info: SourceInfo) -> tuple[str | None, int]:
    """The clock that the recorder read, and what was added to its times since (trace.dat: options DATE and OFFSET)."""
    offset_ns = info.features.get("offset_ns")
    clocks = info.features.get("clocks")
    if isinstance(offset_ns, int) and isinstance(clocks, dict) and clocks.get(""):
        return clocks[""], offset_ns
    return info.clock, 0


def join(streams: Sequence[Stream]) -> tuple[list[Stream], dict[int, int]]:
    """Put together what is one run.

    Returns:
        The streams that fill the tables: a joined one has one piece, a ``JoinedRecording``. And what is added to the times of sources
        for the clock that they share with others, by source.
    """
    waiting = sorted(streams, key=lambda stream: stream.richness, reverse=True)
    result: list[Stream] = []
    shifts: dict[int, int] = {}
    while waiting:
        lead = waiting.pop(0)
        members = [(lead, 0)]
        rest: list[Stream] = []
        for other in waiting:
            shift_ns = _shift(lead, other)
            if shift_ns is not None:
                members.append((other, shift_ns))
            elif _is_second_account(lead, other):
                for _, source in other.sources:
                    source.info.notes.append(Note(_left_out(lead, other)))
            else:
                rest.append(other)
        waiting = rest
        result.append(lead if len(members) == 1 else _joined(members, shifts))
    return sorted(result, key=lambda stream: min(number for number, _ in stream.sources)), shifts


def _shift(lead: Stream, other: Stream) -> int | None:
    """What to add to the times of ``other``; None when the two do not become one."""
    (clock, lead_offset), (other_clock, offset_ns) = own_clock(lead.info), own_clock(other.info)
    mine, theirs = lead.range_ns(), other.range_ns()
    if clock is None or clock != other_clock or lead.roles.sampled or other.roles.sampled or mine is None or theirs is None:
        return None
    if not {lead.info.format, other.info.format} <= _EXACT_FORMATS:
        return None
    if sum(len(stream.pieces[0].events) for stream in (lead, other)) > _EVENTS_MAX:
        return None
    shift_ns = lead_offset - offset_ns
    begin, end = max(mine[0], theirs[0] + shift_ns), min(mine[1], theirs[1] + shift_ns)
    if begin > end or not one_machine(lead.info, other.info):
        return None
    if shift_ns == 0 and not one_boot(lead.info, other.info):
        return None
    moved = Tasks(other.tasks.key, other.tasks.ts_ns + shift_ns)
    agree = same_times(lead.tasks, moved, begin - _EDGE_NS, end + _EDGE_NS)
    if agree is None:
        # nothing was born or executed in one of them: then the machine must be known, and a task in common
        agree = lead.info.hostname is not None and lead.info.hostname == other.info.hostname and shared_names(lead.side, other.side)
    return shift_ns if agree else None


def _is_second_account(lead: Stream, other: Stream) -> bool:
    if not (lead.has_faults and other.has_faults and one_machine(lead.info, other.info)):
        return False
    return same_moments(lead.tasks, other.tasks) or same_story(lead.tasks, other.tasks)


def _left_out(lead: Stream, other: Stream) -> str:
    mine, theirs = lead.info.clock or "not named", other.info.clock or "not named"
    if lead.roles.sampled or other.roles.sampled:
        why = "one of the two is sampled"
    elif other.info.format not in _EXACT_FORMATS:
        why = "a text rounds its times, so the two can't be woven together"
    elif mine == theirs and "not named" not in (mine, theirs):
        why = "their times can't be compared to the nanosecond"
    else:
        why = f"their clocks ({mine} and {theirs}) can't be brought together"
    return f"the same run as {lead.name}, but {why}: its faults would count twice, so the tables are made from {lead.name} alone"


def _joined(members: Sequence[tuple[Stream, int]], shifts: dict[int, int]) -> Stream:
    lead = members[0][0]
    for stream, shift_ns in members:
        for source_id, source in stream.sources:
            info = source.info
            if stream is not lead:
                info.notes.append(Note(f"the same run as {lead.name}: the two are read as one recording"))
            if shift_ns:
                shifts[source_id] = shift_ns
                _move(info, lead.info, shift_ns)
    side = merge_sides([shifted(stream.side, shift_ns) for stream, shift_ns in members])
    recording = JoinedRecording([stream.pieces for stream, _ in members], side, [shift_ns for _, shift_ns in members])
    return Stream([recording], side, [source for stream, _ in members for source in stream.sources])


def _move(info: SourceInfo, lead: SourceInfo, shift_ns: int) -> None:
    """A source's facts on the common clock."""
    info.notes.append(Note(f"{shift_ns} ns were added to its times, for the clock of {basename(lead.path)}"))
    info.clock = lead.clock
    info.first_ns = None if info.first_ns is None else info.first_ns + shift_ns
    info.last_ns = None if info.last_ns is None else info.last_ns + shift_ns
    info.wall_offset_ns = None if info.wall_offset_ns is None else info.wall_offset_ns - shift_ns
