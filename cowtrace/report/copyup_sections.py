"""Sections of a report on overlay copy-ups."""

from __future__ import annotations

from typing import Any

from cowtrace.report.copyups import CopyUpBill
from cowtrace.report.headline import percent, plural
from cowtrace.report.section import UNKNOWN, Head, Row, Section
from cowtrace.units import format_bytes, format_count, format_ns

#: Below this confidence a file's row is marked.
_SURE = 0.85


def copyup_sections(bill: CopyUpBill) -> list[Section]:
    """What there is to say; nothing without copy-ups and listings."""
    found = []
    if bill.files:
        found += [_files(bill), _triggers(bill)]
    if bill.layers:
        found.append(_layers(bill))
    if bill.beside:
        found.append(_beside(bill))
    if bill.private:
        found.append(_private(bill))
    return found


def _files(bill: CopyUpBill) -> Section:
    heads = (
        Head("file", fold=True),
        Head("copy-ups", "right"),
        Head("by"),
        Head("process"),
        Head("copied", "right"),
        Head("for\nnothing", "right"),
        Head("time", "right"),
    )
    rows = [
        Row(
            (
                row["path"] or "(not named)",
                format_count(row["copyup_count"]),
                row["triggers"] + ("" if row["confidence"] is None or row["confidence"] >= _SURE or row["triggers"] == "unknown" else " ?"),
                row["comms"] or UNKNOWN,
                "metadata" if row["metadata_only_count"] == row["copyup_count"] else _bytes(row["copied_bytes"]),
                _bytes(row["wasted_bytes"]) if row["copied_bytes"] else "",
                _time(row["duration_ns"]),
            )
        )
        for row in bill.files
    ]
    total = bill.total
    if total["file_count"] > len(rows):
        rows.append(Row((f"all {plural(total['file_count'], 'file')}", *_sums(total, 2)), is_sum=True))
    elif len(rows) > 1:
        rows.append(Row(("all", *_sums(total, 2)), is_sum=True))
    notes = ["A copy-up copies the whole file within the call that needs it. For nothing: bytes that nobody had changed at the end."]
    if any(" ?" in row.cells[2] for row in rows):
        notes.append("'?' behind a cause: several calls came into question (copyup.confidence).")
    if total["nameless_count"]:
        notes.append("Not named: no listing of the upper layer shows the file (cowtrace record --overlay), or it was removed again.")
    if any(row["file_type"] == "dir" for row in bill.files):
        notes.append("Folders without a time were copied within the time of a file below them.")
    notes.append("cowtrace query STORE copyup/by_path lists all of them.")
    return Section("Overlay copy-ups", heads=heads, rows=rows, notes=notes, name="copyups", queries=("copyup/by_path",)).without_empty()


def _sums(total: dict[str, Any], blanks: int) -> tuple[str, ...]:
    counted = format_count(total["copyup_count"])
    return (counted, *[""] * blanks, _bytes(total["copied_bytes"]), _bytes(total["wasted_bytes"]), _time(total["duration_ns"]))


def _triggers(bill: CopyUpBill) -> Section:
    heads = (
        Head("cause"),
        Head("class"),
        Head("copy-ups", "right"),
        Head("copied", "right"),
        Head("time", "right"),
        Head("what would avoid it", fold=True),
    )
    rows = [
        Row(
            (
                row["trigger"],
                row["class"],
                format_count(row["copyup_count"]),
                _bytes(row["copied_bytes"]),
                _time(row["duration_ns"]),
                row["hint"] or "",
            )
        )
        for row in bill.triggers
    ]
    return Section("Why files were copied up", heads=heads, rows=rows, keys=2, queries=("copyup/by_trigger",)).without_empty()


def _layers(bill: CopyUpBill) -> Section:
    heads = (
        Head("upper layer of", fold=True),
        Head("metacopy"),
        Head("gained", "right"),
        Head("= copied up", "right"),
        Head("+ written", "right"),
        Head("explained", "right"),
        Head("files", "right"),
        Head("metadata\nonly", "right"),
    )
    rows = [
        Row(
            (
                row["mount_point"],
                {True: "on", False: "off"}.get(row["metacopy"], UNKNOWN),
                format_bytes(row["gained_bytes"]),
                format_bytes(row["copyup_bytes"]),
                format_bytes(row["new_bytes"]),
                percent(row["explained_bytes"], row["copyup_bytes"]) if row["copyup_bytes"] else "",
                format_count(row["copied_file_count"]),
                format_count(row["metadata_only_count"]),
            )
        )
        for row in bill.layers
    ]
    notes = [
        "Data of files, from listings of the layer before and after; what was copied up and cut or removed again is not in it.",
        "Explained: copied-up bytes whose process and call are known.",
    ]
    if any(not row["complete"] for row in bill.layers):
        notes.append("A layer was too large to be listed whole.")
    return Section("Upper layers", heads=heads, rows=rows, notes=notes, queries=("copyup/layers",))


def _beside(bill: CopyUpBill) -> Section:
    heads = (
        Head("process", fold=True),
        Head("pid", "right"),
        Head("files\ncopied up", "right"),
        Head("file\nbytes", "right"),
        Head("time", "right"),
        Head("pages\ncopied", "right"),
        Head("page\nbytes", "right"),
        Head("time in\nfaults", "right"),
    )
    rows = [
        Row(
            (
                row["comm"] or UNKNOWN,
                str(row["tgid"]),
                format_count(row["copyup_count"]),
                _bytes(row["copied_file_bytes"]),
                _time(row["copyup_ns"]),
                format_count(row["page_copy_count"]),
                format_bytes(row["copied_page_bytes"]),
                _time(row["page_copy_ns"]),
            )
        )
        for row in bill.beside
    ]
    notes = [
        "Both bills of a process, of copies less than two seconds apart.",
        "Coincidence: no page fault copies a file up, and no copy-up copies pages of memory.",
    ]
    return Section(
        "Files and pages copied by the same process", heads=heads, rows=rows, keys=2, notes=notes, queries=("copyup/beside_faults",)
    )


def _private(bill: CopyUpBill) -> Section:
    heads = (Head("file", fold=True), Head("copied up by", "right"), Head("mapped by"), Head("pid", "right"), Head("mapped", "right"))
    rows = [
        Row(
            (
                row["path"],
                UNKNOWN if row["copying_tgid"] is None else str(row["copying_tgid"]),
                row["mapping_comm"] or UNKNOWN,
                UNKNOWN if row["mapping_tgid"] is None else str(row["mapping_tgid"]),
                _bytes(row["mapped_bytes"]),
            )
        )
        for row in bill.private
    ]
    notes = ["These mappings go on showing the lower file: what is written to the copy never appears in them."]
    return Section("Copied up while privately mapped", heads=heads, rows=rows, notes=notes, queries=("copyup/private_mappings",))


def _bytes(count: int | None) -> str:
    return UNKNOWN if count is None else format_bytes(count)


def _time(duration_ns: int | None) -> str:
    return UNKNOWN if duration_ns is None else format_ns(duration_ns)
