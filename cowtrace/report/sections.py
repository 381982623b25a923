"""The report's sections: numbers as text with their units. Order: what it cost, who paid, why, what is not known, where it comes from."""

from __future__ import annotations

from typing import Any

from cowtrace.report.bill import KindRow, Report
from cowtrace.report.copyup_sections import copyup_sections
from cowtrace.report.cost import Cost
from cowtrace.report.fork_section import fork_section
from cowtrace.report.function_section import function_section
from cowtrace.report.grouping import Grouping
from cowtrace.report.headline import percent, plural
from cowtrace.report.section import UNKNOWN, Head, Row, Section
from cowtrace.report.source_sections import loss_section, source_section
from cowtrace.schema import KINDS
from cowtrace.units import format_bytes, format_count, format_ns

#: Reasons listed for one set of unknown faults; one that may be anything lacks everything.
MISSING_SHOWN = 3
TIME_NOTE = "Times run from fault entry to fault exit and include the recorder's own cost."


def sections(report: Report) -> list[Section]:
    """Everything that has something to say."""
    found: list[Section] = []
    if report.total.fault_count:
        found += [_kinds(report), _lengths(report), _processes(report)]
        if report.processes.rest_count and len(report.comms.rows) > 1:
            found.append(_comms(report))
        found += [fork_section(report), _objects(report)]
        functions = function_section(report)
        if functions is not None:
            found.append(functions)
    found += copyup_sections(report.copyups)
    if report.memory:
        found.append(_memory(report))
    found += [_unknowns(report), loss_section(report)]
    if report.kinds:
        found.append(_kind_words(report))
    return [*found, source_section(report)]


def time(duration_ns: int | None) -> str:
    """A time, or the mark of what the recording can't tell."""
    return UNKNOWN if duration_ns is None else format_ns(duration_ns)


def size(copied_bytes: int, unsized_count: int = 0) -> str:
    """Bytes; with copies of unknown size a lower bound."""
    return f"≥ {format_bytes(copied_bytes)}" if unsized_count else format_bytes(copied_bytes)


def _kinds(report: Report) -> Section:
    total = report.total
    heads = (
        Head("kind"),
        Head("faults", "right"),
        Head("share", "right"),
        Head("major", "right"),
        Head("copied", "right"),
        Head("zeroed", "right"),
        Head("time", "right"),
        Head("of time", "right"),
    )
    rows = [
        Row(
            (
                row.kind,
                format_count(row.fault_count),
                percent(row.fault_count, total.fault_count),
                format_count(row.major_count) if row.major_count is not None else UNKNOWN,
                *_kind_bytes(row),
                time(row.duration_ns),
                percent(row.duration_ns or 0, total.duration_ns or 0) if row.duration_ns is not None else UNKNOWN,
            )
        )
        for row in report.kinds
    ]
    majors = [row.major_count for row in report.kinds if row.major_count is not None]
    all_faults = (
        "all",
        format_count(total.fault_count),
        "100 %",
        format_count(sum(majors)) if majors else UNKNOWN,
        size(total.copied_bytes, total.unsized_count),
        format_bytes(total.zeroed_bytes),
        time(total.duration_ns),
        "100 %" if total.duration_ns else UNKNOWN,
    )
    notes = [TIME_NOTE] if total.duration_ns is not None else []
    rows = [*rows, Row(all_faults, is_sum=True)]
    return Section("What the kernel did", heads=heads, rows=rows, notes=notes, name="kinds", queries=("fault/by_kind",)).without_empty()


def _kind_bytes(row: KindRow) -> tuple[str, str]:
    if row.kind == "unknown":  # 0 would claim that they copied nothing
        return format_bytes(row.copied_bytes or None), format_bytes(row.zeroed_bytes or None)
    return size(row.copied_bytes, row.unsized_count), format_bytes(row.zeroed_bytes)


def _lengths(report: Report) -> Section:
    heads = (
        Head("kind"),
        Head("p50", "right"),
        Head("p90", "right"),
        Head("p99", "right"),
        Head("longest", "right"),
        Head("confi-\ndence", "right"),
        Head("verdict rests on", fold=True),
    )
    rows = [
        Row(
            (
                row.kind,
                time(row.p50_ns),
                time(row.p90_ns),
                time(row.p99_ns),
                time(row.max_ns),
                "" if row.kind == "unknown" else f"{100 * row.confidence:.0f} %",
                _evidence(row),
            )
        )
        for row in report.kinds
    ]
    queries = ("fault/latency_by_kind", "fault/evidence_by_kind")
    return Section("How long one took, and how its kind is known", heads=heads, rows=rows, name="lengths", queries=queries).without_empty()


def _evidence(row: KindRow) -> str:
    return ", ".join(
        name if count == row.fault_count else f"{name} {percent(count, row.fault_count)}" for name, count in row.evidence.items()
    )


# what matters most stands first: a narrow terminal shows the others below
_COST_HEADS = (
    Head("faults", "right"),
    Head("copies", "right"),
    Head("reuses", "right"),
    Head("copied", "right"),
    Head("time", "right"),
    Head("first\ntouch", "right"),
    Head("zeroed", "right"),
    Head("file", "right"),
    Head("other", "right"),
    Head("failed", "right"),
    Head("un-\nknown", "right"),
)


def cost_cells(cost: Cost) -> tuple[str, ...]:
    """A cost under ``_COST_HEADS``."""
    return (
        *map(format_count, (cost.fault_count, cost.copy_count, cost.reuse_count)),
        size(cost.copied_bytes, cost.unsized_count),
        time(cost.duration_ns),
        format_count(cost.first_touch_count),
        format_bytes(cost.zeroed_bytes),
        *map(format_count, (cost.file_count, cost.other_count, cost.failed_count, cost.unknown_count)),
    )


def _grouped(report: Report, title: str, grouping: Grouping, heads: tuple[Head, ...], *, noun: str, name: str) -> Section:
    """A grouping with its remainder and the line of all faults, so that everyone can see that it adds up. Keys stand as they are."""
    rows = [Row((*(_key(value) for value in group.keys.values()), *cost_cells(group.cost))) for group in grouping.rows]
    blanks = ("",) * (len(heads) - 1)
    if grouping.rest_count:
        rows.append(Row((f"{plural(grouping.rest_count, noun)} more", *blanks, *cost_cells(grouping.rest)), is_sum=True))
    rows.append(Row(("all", *blanks, *cost_cells(report.total)), is_sum=True))
    queries = (f"fault/by_{name}",)
    return Section(title, heads=heads + _COST_HEADS, rows=rows, keys=len(heads), name=f"by_{name}", queries=queries).without_empty()


def _processes(report: Report) -> Section:
    heads = (Head("process", fold=True), Head("pid", "right"))
    return _grouped(report, "Who paid", report.processes, heads, noun="process", name="process")


def _comms(report: Report) -> Section:
    heads = (Head("thread name", fold=True), Head("processes", "right"))
    return _grouped(report, "Who paid, by name", report.comms, heads, noun="name", name="comm")


def _key(value: str | int | None) -> str:
    return UNKNOWN if value is None else str(value)


def _objects(report: Report) -> Section:
    heads = (
        Head("memory", fold=True),
        Head("faults", "right"),
        Head("copies", "right"),
        Head("reuses", "right"),
        Head("copied", "right"),
        Head("zeroed", "right"),
        Head("time", "right"),
    )
    rows = [Row((_object(group.keys), *_object_cells(group.cost))) for group in report.objects.rows]
    if report.objects.rest_count:
        rows.append(Row((f"{format_count(report.objects.rest_count)} more", *_object_cells(report.objects.rest)), is_sum=True))
    rows.append(Row(("all", *_object_cells(report.total)), is_sum=True))
    notes = (
        ["(n mappings): all mappings of the same object together."] if any(g.keys["mapping_count"] > 1 for g in report.objects.rows) else []
    )
    return Section("Where", heads=heads, rows=rows, notes=notes, name="objects", queries=("fault/by_object",)).without_empty()


def _object_cells(cost: Cost) -> tuple[str, ...]:
    counts = map(format_count, (cost.fault_count, cost.copy_count, cost.reuse_count))
    return (*counts, size(cost.copied_bytes, cost.unsized_count), format_bytes(cost.zeroed_bytes), time(cost.duration_ns))


def _object(keys: dict[str, Any]) -> str:
    owner = keys["comm"] or UNKNOWN
    if keys["vma_kind"] is None:
        return f"{owner}: no mapping known there"
    name = keys["path"] or keys["vma_kind"]
    if keys["mapping_count"] > 1:
        return f"{owner}: {name} ({plural(keys['mapping_count'], 'mapping')})"
    return f"{owner}: {name} at {keys['start_addr']:#x}"


def _memory(report: Report) -> Section:
    heads = (
        Head("pid", "right"),
        Head("from"),
        Head("resident", "right"),
        Head("pss", "right"),
        Head("private\ndirty", "right"),
        Head("shared\ndirty", "right"),
        Head("huge", "right"),
        Head("swap", "right"),
        Head("writes can\nstill copy", "right"),
    )
    names = ("rss_bytes", "pss_bytes", "private_dirty_bytes", "shared_dirty_bytes", "anon_huge_bytes", "swap_bytes", "debt_bytes")
    rows = [
        Row(
            (
                UNKNOWN if row["tgid"] is None else str(row["tgid"]),
                "rollup" if row["form"] == "rollup" else "smaps",
                *(UNKNOWN if row[name] is None else format_bytes(row[name]) for name in names),
            )
        )
        for row in report.memory
    ]
    notes = [
        "Last snapshot of each process. Private dirty is memory with one mapper: most of it was never copied.",
        "Writes can still copy at most that much: anonymous pages of private writable mappings that have another mapper.",
    ]
    if report.memory[0]["process_count"] > len(rows):
        notes.append(
            f"The largest of {plural(report.memory[0]['process_count'], 'process')}; cowtrace query STORE smaps/totals lists all of them."
        )
    queries = ("smaps/totals", "smaps/cow_debt")
    return Section("Memory in snapshots", heads=heads, rows=rows, keys=2, notes=notes, name="memory", queries=queries).without_empty()


def _unknowns(report: Report) -> Section:
    title = "What this recording cannot tell"
    if not report.total.unknown_count:
        said = "Every recorded fault has a kind." if report.total.fault_count else "No fault was recorded."
        return Section(title, said, notes=_open_questions(report), name="unknown")
    heads = (Head("faults", "right"), Head("share", "right"), Head("may be"), Head("missing", fold=True))
    rows = [
        Row(
            (
                format_count(row.fault_count),
                percent(row.fault_count, report.total.fault_count),
                " or ".join(row.possible_kinds) or "any kind",
                _missing(row.missing),
            )
        )
        for row in report.unknowns
    ]
    rest = report.total.unknown_count - sum(row.fault_count for row in report.unknowns)
    if rest:
        rows.append(Row((format_count(rest), percent(rest, report.total.fault_count), "others", ""), is_sum=True))
    commands = list(dict.fromkeys(row.command for row in report.unknowns if row.command))
    notes = [f"To tell them apart, record again with: {max(commands, key=len)}"] if commands else []
    notes += _open_questions(report)
    intro = f"{plural(report.total.unknown_count, 'fault')} of unknown kind:"
    return Section(title, intro, heads, rows, keys=3, notes=notes, name="unknown", queries=("fault/unknown_why",))


def _missing(reasons: tuple[str, ...]) -> str:
    more = len(reasons) - MISSING_SHOWN
    return "; ".join(reasons[:MISSING_SHOWN]) + (f"; and {more} more" if more > 0 else "")


def _open_questions(report: Report) -> list[str]:
    """What the events of the recording leave open, whatever the faults were; the details are those of ``cowtrace info``."""
    said = []
    for answer, words in (("no", "No answer to"), ("partly", "Half an answer to")):
        asked = " ".join(item.question for item in report.capabilities if item.answer == answer)
        if asked:
            said.append(f"{words}: {asked}")
    return [*said, "cowtrace info says why, and what to record instead."] if said else []


def _kind_words(report: Report) -> Section:
    items = [f"{row.kind}: {KINDS[row.kind]}." for row in report.kinds if row.kind in KINDS]
    return Section("What the kinds mean", "The kernel:", items=items, name="words")
