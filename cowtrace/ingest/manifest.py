"""The manifest: what the store was made from. Nothing in it depends on when or where it was made, so equal inputs give equal bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from cowtrace import __version__
from cowtrace.parsers.base import EventDesc, SideBand, SourceInfo
from cowtrace.schema import SCHEMA_VERSION
from cowtrace.text import decode_name


def source_entry(source_id: int, info: SourceInfo, events: Sequence[EventDesc], side: SideBand | None) -> dict[str, Any]:
    """One source as the manifest holds it."""
    counts = info.features.pop("event_counts", [None] * len(events))
    entry = {"source_id": source_id, **asdict(info)}
    entry["lost_events"] = _lost(side, "lost") if side is not None else 0
    entry["lost_samples"] = _lost(side, "lost_samples") if side is not None else 0
    entry["events"] = [
        {
            "name": event.name,
            "columns": sorted(event.columns),
            "instance": event.instance,
            "count": counts[event.index],
            "has_callchain": event.has_callchain,
            "period": event.period,
            "fields": [field.name for field in event.fields],
        }
        for event in events
        if not event.hidden
    ]
    return _jsonable(entry)  # type: ignore[no-any-return]


def _lost(side: SideBand, reason: str) -> int:
    rows = side.lost.filter(side.lost["reason"] == reason)
    return int(rows["lost_events"].sum() or 0)


def manifest(sources: Sequence[dict[str, Any]], record: dict[str, Any] | None) -> dict[str, Any]:
    """The whole manifest. ``record`` is what ``cowtrace record`` wrote about the host, if it recorded."""
    lead: dict[str, Any] = next((s for s in sources if s.get("kernel_release")), {})
    host = {name: lead.get(name) for name in ("hostname", "kernel_release", "arch", "page_size", "cpu_desc", "cpu_count", "clock")}
    return {
        "schema": "cowtrace.store/1",
        "schema_version": SCHEMA_VERSION,
        "cowtrace_version": __version__,
        "host": host,
        "sources": list(sources),
        "recording": record,
    }


def _jsonable(value: Any) -> Any:
    match value:
        case dict():
            return {str(_jsonable(key)): _jsonable(item) for key, item in value.items()}
        case list() | tuple():
            return [_jsonable(item) for item in value]
        case bytes():
            return decode_name(value)
        case str():
            return value.encode("utf-8", "backslashreplace").decode("utf-8")
        case bool() | int() | float() | None:
            return value
        case _:
            return int(value) if hasattr(value, "__index__") else str(value)
