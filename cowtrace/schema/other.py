"""Tables of everything beside faults: ``copyup``, ``vmstat``, ``meminfo``, ``span``, ``loss``, ``raw_record``, ``source``."""

from __future__ import annotations

import pyarrow as pa

from cowtrace.schema.column import Column, Table, duration_ns, key, label, pid, size_bytes, ts_ns

COPYUP = Table(
    "copyup",
    "one overlay copy-up",
    (
        ts_ns("Start of the system call that paid for it."),
        duration_ns("Time blocked."),
        pid("tgid", "Process that paid."),
        label("comm", "Its thread's name."),
        label("trigger", "open_write, truncate, chmod, chown, utimes, rename, link, xattr."),
        label("path", "File; NULL when no name was recorded.", nullable=True),
        size_bytes("copied_bytes", "Data copied to the upper layer."),
        Column("metadata_only", pa.bool_(), "Only metadata was copied.", nullable=True),
        label("evidence", "As in fault."),
    ),
)

VMSTAT = Table(
    "vmstat",
    "one counter in one snapshot of /proc/vmstat",
    (
        ts_ns("When the snapshot was taken.", nullable=True),
        key("snapshot_id", "Number of the snapshot within the store."),
        label("name", "Counter; pg*, thp_*, pswp*, numa_* count since boot, nr_* are levels in pages."),
        Column("value", pa.uint64(), "As printed.", unit="count"),
    ),
)

MEMINFO = Table(
    "meminfo",
    "one line of one snapshot of /proc/meminfo",
    (
        ts_ns("When the snapshot was taken.", nullable=True),
        key("snapshot_id", "Number of the snapshot within the store."),
        label("name", "Field as printed."),
        Column("value_kb", pa.uint64(), "KiB; a plain count for the HugePages_* lines.", unit="KiB"),
    ),
)

SPAN = Table(
    "span",
    "one call from function_graph",
    (
        ts_ns("Entry of the function; NULL when the recording has no times.", nullable=True),
        duration_ns("Entry to exit, by the kernel's own account where it is recorded; NULL when entry or exit is not in the recording."),
        Column("cpu", pa.int32(), "CPU.", nullable=True),
        pid("tid", "Thread.", nullable=True),
        label("comm", "Its name.", nullable=True),
        label(
            "function", "Kernel function, compiler suffixes removed; one that only a part of its caller carries (x.part.0 in x) keeps them."
        ),
        Column("depth", pa.int32(), "Nesting, 0 = outermost."),
        pid("tgid", "Process; NULL when the recording can't tell.", nullable=True),
        label("parent", "Function that called it, of those recorded; NULL for the outermost and where it is not known.", nullable=True),
        Column("retval", pa.int64(), "Return value; NULL when not recorded.", nullable=True),
        label("source", "What recorded the call: function_graph, kprobe, function.", nullable=True),
    ),
)

LOSS = Table(
    "loss",
    "one gap",
    (
        key("source_id", "Row of source."),
        ts_ns("When it was reported; NULL when the recording does not say.", nullable=True),
        Column("lost_events", pa.int64(), "Events lost; NULL when only the fact is known.", unit="count", nullable=True),
        label(
            "reason", "lost: a ring buffer dropped records. lost_samples: the kernel's count per event of the same loss. throttle, dropped."
        ),
        label("event", "Event, where the loss is counted per event.", nullable=True),
        Column("cpu", pa.int32(), "CPU.", nullable=True),
    ),
)

RAW_RECORD = Table(
    "raw_record",
    "one record of a kind that no other table takes",
    (
        key("source_id", "Row of source."),
        ts_ns("Its time, when it carries one.", nullable=True),
        Column("offset", pa.int64(), "Byte offset in the (decompressed) stream.", unit="bytes"),
        Column("type", pa.int32(), "Record type number."),
        label("type_name", "Its name in the kernel's or perf's headers; 'unknown' when newer than cowtrace."),
        Column("misc", pa.int32(), "The header's misc bits."),
        Column("payload", pa.binary(), "Bytes after the record header."),
    ),
)

SOURCE = Table(
    "source",
    "one input",
    (
        key("source_id", "This row's number."),
        label("path", "As given."),
        label("format", "perf.data, trace.dat, smaps, ..."),
        label("sha256", "Of its bytes. NULL: they could not be read.", nullable=True),
        label("facts", "Everything the header says, as JSON."),
    ),
)
