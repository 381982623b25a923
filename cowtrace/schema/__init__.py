"""The tables of a store, each declared once."""

from __future__ import annotations

from cowtrace.schema.column import NAME, SCHEMA_VERSION, Column, Table
from cowtrace.schema.fault import COPY_KINDS, EVIDENCE, FAULT, KINDS
from cowtrace.schema.history import CGROUP, FORK, JIT_SYMBOL, KERNEL_SYMBOL, MEMORY_CALL, PROCESS, STACK, VMA, VMA_EXTENT
from cowtrace.schema.other import COPYUP, LOSS, MEMINFO, OVERLAY_CHANGE, OVERLAY_MOUNT, RAW_RECORD, SOURCE, SPAN, VMSTAT
from cowtrace.schema.smaps import SMAPS

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        FAULT,
        PROCESS,
        FORK,
        VMA,
        VMA_EXTENT,
        MEMORY_CALL,
        COPYUP,
        OVERLAY_MOUNT,
        OVERLAY_CHANGE,
        SMAPS,
        SPAN,
        LOSS,
        STACK,
        KERNEL_SYMBOL,
        JIT_SYMBOL,
        CGROUP,
        VMSTAT,
        MEMINFO,
        RAW_RECORD,
        SOURCE,
    )
}

__all__ = ["COPY_KINDS", "EVIDENCE", "KINDS", "NAME", "SCHEMA_VERSION", "TABLES", "Column", "Table"]
