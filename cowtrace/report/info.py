"""What a store holds: the manifest's facts, read for people and for machines."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from cowtrace.report.capabilities import Capability, capabilities, recorded
from cowtrace.report.provenance import Source, source_of
from cowtrace.report.section import UNKNOWN, Head, Row, Section
from cowtrace.report.source_sections import source_facts
from cowtrace.units import format_count

if TYPE_CHECKING:
    from cowtrace.store.reader import Store


@dataclass(frozen=True, slots=True)
class Event:
    """One recorded event of a source. ``count`` None: not counted; ``period`` None: adjusted by the recorder, counts are estimates."""

    source_id: int
    name: str
    count: int | None
    period: int | None
    columns: tuple[str, ...]
    has_callchain: bool


@dataclass(frozen=True, slots=True)
class Info:
    """Everything ``cowtrace info`` shows.

    Attributes:
        store: Folder of the store.
        ingested_by: cowtrace version that wrote it.
        tables: Rows of each table.
        records: One mapping a source: record type to records.
        features: One mapping a source: what else its header says.
    """

    store: str
    schema_version: int
    ingested_by: str | None
    sources: list[Source]
    events: list[Event]
    tables: dict[str, int]
    records: list[dict[str, int]]
    features: list[dict[str, Any]]
    capabilities: list[Capability]


def compose_info(store: Store) -> Info:
    """From a store's manifest; no table is read."""
    manifest = store.manifest
    sources = manifest.get("sources") or []
    events = [
        Event(
            source_id=number,
            name=event["name"],
            count=event.get("count"),
            period=event.get("period"),
            columns=tuple(sorted(event["columns"])),
            has_callchain=bool(event.get("has_callchain")),
        )
        for number, source in enumerate(sources)
        for event in source.get("events") or []
    ]
    tables = manifest.get("rows") or {}
    return Info(
        store=str(store.path),
        schema_version=manifest["schema_version"],
        ingested_by=manifest.get("cowtrace_version"),
        sources=[source_of(facts) for facts in sources],
        events=events,
        tables=tables,
        records=[source.get("records_by_type") or {} for source in sources],
        features=[source.get("features") or {} for source in sources],
        capabilities=capabilities(recorded(sources, tables)),
    )


def info_dict(info: Info) -> dict[str, Any]:
    """``{"schema": "cowtrace.info/1", ...}``, the fields of ``Info``."""
    return {"schema": "cowtrace.info/1", **asdict(info)}


def info_sections(info: Info) -> list[Section]:
    """The same as sections of text."""
    facts = (Head("fact"), Head("value", fold=True))
    found = [Section(f"Source {number}", heads=facts, rows=_facts(info, number)) for number in range(len(info.sources))]
    if info.events:
        found.append(_events(info))
    found.append(_tables(info))
    heads = (Head("question"), Head("answer"), Head("because", fold=True), Head("record\n--level"))
    rows = [Row((item.question, item.answer, item.reason, item.level)) for item in info.capabilities]
    notes = ["cowtrace record --level LEVEL records what is missing."] if any(item.level for item in info.capabilities) else []
    return [*found, Section("What this recording can tell", heads=heads, rows=rows, notes=notes)]


def _facts(info: Info, number: int) -> list[Row]:
    rows = [Row((name, value)) for name, value in source_facts(info.sources[number])]
    records = ", ".join(f"{name} {format_count(count)}" for name, count in info.records[number].items())
    return [*rows, Row(("by type", records))] if records else rows


#: Recorded with every event by default: not worth a reader's time.
_USUAL = frozenset({"ts_ns", "tgid", "tid", "cpu", "ip", "period", "cpumode"})


def _events(info: Info) -> Section:
    heads = (
        Head("source", "right"),
        Head("event", fold=True),
        Head("count", "right"),
        Head("period", "right"),
        Head("recorded with it", fold=True),
    )
    rows = [
        Row(
            (
                str(event.source_id),
                event.name,
                UNKNOWN if event.count is None else format_count(event.count),
                "varies" if event.period is None else format_count(event.period),
                ", ".join((*(name for name in event.columns if name not in _USUAL), *(["callchain"] if event.has_callchain else []))),
            )
        )
        for event in info.events
    ]
    return Section("Events", heads=heads, rows=rows, keys=2)


def _tables(info: Info) -> Section:
    filled = [Row((name, format_count(count))) for name, count in sorted(info.tables.items()) if count]
    empty = ", ".join(name for name, count in sorted(info.tables.items()) if not count)
    notes = [f"Empty: {empty}."] if empty else []
    return Section("Tables", heads=(Head("table"), Head("rows", "right")), rows=filled, notes=notes)
