"""Where the numbers come from: the manifest's facts about sources, and what was lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cowtrace import __version__

if TYPE_CHECKING:
    from cowtrace.store.reader import Store


@dataclass(frozen=True, slots=True)
class Loss:
    """One row of loss/by_source: see there."""

    source_id: int
    path: str | None
    reason: str
    gap_count: int
    lost_events: int | None
    unknown_gap_count: int
    first_ns: int | None
    last_ns: int | None


@dataclass(frozen=True, slots=True)
class Source:
    """One input, as its header and the reader say; None: not said.

    Attributes:
        wall_offset_ns: Add to a time of the recording for nanoseconds since 1970.
        records_read, records_unknown, records_damaged: Records understood, of a kind newer than cowtrace, and broken.
        bytes_unread: Bytes after damage that could not be read.
        lost_events: Events that the recorder says it lost.
        notes: What the reader wants users to know, with how often it happened.
    """

    path: str
    format: str
    sha256: str
    size_bytes: int | None
    recorder: str | None
    hostname: str | None
    kernel_release: str | None
    arch: str | None
    page_size: int | None
    cpu_desc: str | None
    cpu_count: int | None
    clock: str | None
    wall_offset_ns: int | None
    first_ns: int | None
    last_ns: int | None
    records_read: int
    records_unknown: int
    records_damaged: int
    bytes_unread: int
    lost_events: int | None
    notes: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a report comes from.

    Attributes:
        store: Folder of the store.
        is_confidential: Names are hashed; the folder's name is not told either.
        ingested_by, reported_by: cowtrace versions.
    """

    store: str
    ingested_by: str | None
    reported_by: str
    sources: list[Source]
    is_confidential: bool = False


def compose_provenance(store: Store) -> Provenance:
    """From a store's manifest; facts that an older cowtrace did not write are None or 0."""
    manifest = store.manifest
    sources = [source_of(facts) for facts in manifest.get("sources") or []]
    return Provenance(str(store.path), manifest.get("cowtrace_version"), __version__, sources, bool(manifest.get("confidential")))


def source_of(facts: Mapping[str, Any]) -> Source:
    """One entry of the manifest's ``sources``."""
    plain: dict[str, Any] = {name: facts.get(name) for name in _OPTIONAL}
    counts: dict[str, Any] = {name: facts.get(name) or 0 for name in ("records_read", "records_unknown", "records_damaged", "bytes_unread")}
    return Source(
        path=str(facts.get("path", "?")),
        format=str(facts.get("format", "?")),
        sha256=str(facts.get("sha256") or ""),
        notes=[(note["text"], note["count"]) for note in facts.get("notes") or []],
        **plain,
        **counts,
    )


_OPTIONAL = (
    "size_bytes",
    "recorder",
    "hostname",
    "kernel_release",
    "arch",
    "page_size",
    "cpu_desc",
    "cpu_count",
    "clock",
    "wall_offset_ns",
    "first_ns",
    "last_ns",
    "lost_events",
)
