"""The sections on losses and on where the numbers come from."""

from __future__ import annotations

from cowtrace.report.bill import Report
from cowtrace.report.headline import plural
from cowtrace.report.provenance import Loss, Source
from cowtrace.report.section import UNKNOWN, Head, Row, Section
from cowtrace.units import format_bytes, format_count, format_ns

#: Sources described one by one; a folder of snapshots may have hundreds.
SOURCES_SHOWN = 5

_REASONS = {
    "lost": "lost: a ring buffer overflowed (record with a larger -m)",
    "lost_samples": "lost_samples: the kernel's count of the same loss, per event",
    "throttle": "throttle: the kernel held events back",
    "dropped": "dropped: the recorder did not write them",
}


def loss_section(report: Report) -> Section:
    """One line per source and reason."""
    title = "Losses"
    if not report.losses:
        return Section(title, "No source reports a loss.", name="losses")
    heads = (Head("source", fold=True), Head("reason", fold=True), Head("gaps", "right"), Head("events lost", "right"))
    rows = [
        Row((loss.path or f"source {loss.source_id}", _REASONS.get(loss.reason, loss.reason), format_count(loss.gap_count), _lost(loss)))
        for loss in report.losses
    ]
    notes = []
    if {"lost", "lost_samples"} <= {loss.reason for loss in report.losses}:
        notes.append("lost and lost_samples count the same events twice: do not add them.")
    return Section(title, heads=heads, rows=rows, notes=notes, name="losses", queries=("loss/by_source",))


def _lost(loss: Loss) -> str:
    if loss.lost_events is None:
        return "not counted"
    more = f" and {plural(loss.unknown_gap_count, 'gap')} not counted" if loss.unknown_gap_count else ""
    return format_count(loss.lost_events) + more


#: Stands for the folder of a confidential copy.
CONFIDENTIAL = "a confidential copy: names are hashed"


def source_section(report: Report) -> Section:
    """Facts of each source, and which cowtrace read and reported them."""
    provenance = report.provenance
    rows: list[Row] = []
    for source in provenance.sources[:SOURCES_SHOWN]:
        rows += [Row((name, value)) for name, value in source_facts(source)]
    notes = []
    hidden = len(provenance.sources) - SOURCES_SHOWN
    if hidden > 0:
        notes.append(f"{plural(hidden, 'source')} more: cowtrace info lists all of them.")
    rows.append(Row(("store", CONFIDENTIAL if provenance.is_confidential else provenance.store)))
    by = f"cowtrace {provenance.reported_by}"
    if provenance.ingested_by not in (None, provenance.reported_by):
        by += f", ingested by {provenance.ingested_by}"
    rows.append(Row(("report", by)))
    heads = (Head("fact"), Head("value", fold=True))
    return Section("Where the numbers come from", heads=heads, rows=rows, notes=notes, name="provenance")


def source_facts(source: Source) -> list[tuple[str, str]]:
    """The facts of a source as text, those that are not known left out."""
    size = "" if source.size_bytes is None else f", {format_bytes(source.size_bytes)}"
    sha = f", sha256 {source.sha256[:12]}" if source.sha256 else ""
    host = [source.hostname, source.kernel_release and f"Linux {source.kernel_release}", source.arch]
    if source.page_size:
        host.append(f"{format_bytes(source.page_size)} pages")
    cpus = [source.cpu_count and plural(source.cpu_count, "CPU"), source.cpu_desc]
    clock = [f"clock {source.clock or UNKNOWN}"]
    if source.first_ns is not None and source.last_ns is not None:
        clock.append(f"{format_ns(source.last_ns - source.first_ns)} recorded")
    counts = [
        f"{format_count(source.records_read)} read",
        f"{format_count(source.records_unknown)} unknown",
        f"{format_count(source.records_damaged)} damaged",
        f"{UNKNOWN if source.lost_events is None else format_count(source.lost_events)} lost",
    ]
    if source.bytes_unread:
        counts.append(f"{format_bytes(source.bytes_unread)} unreadable")
    facts = [
        ("source", f"{source.path} ({source.format}{size}{sha})"),
        ("recorder", source.recorder or ""),
        ("host", ", ".join(filter(None, host))),
        ("CPU", ", ".join(str(part) for part in cpus if part)),
        ("time", ", ".join(clock)),
        ("records", ", ".join(counts)),
    ]
    facts += [("note", text if count == 1 else f"{text} ({format_count(count)} times)") for text, count in source.notes]
    return [(name, value) for name, value in facts if value]
