"""Tables of everything beside faults: ``copyup``, ``vmstat``, ``meminfo``, ``span``, ``loss``, ``raw_record``, ``source``."""

from __future__ import annotations

import pyarrow as pa

from cowtrace.schema.column import Column, Table, duration_ns, key, label, pid, size_bytes, ts_ns

COPYUP = Table(
    "copyup",
    "one overlay copy-up",
    (
        ts_ns("Start of the system call that paid for it."),
        duration_ns("Time blocked; NULL for folders above a file, which the file's own call copied within its time."),
        pid("tgid", "Process that paid; NULL when the recording can't tell.", nullable=True),
        label("comm", "Its thread's name at that moment; NULL with the process.", nullable=True),
        label(
            "trigger",
            "open_write, truncate, chmod, chown, utimes, rename, link, xattr; of folders also create, unlink; unknown.",
        ),
        label("path", "File; NULL when no name was recorded.", nullable=True),
        size_bytes("copied_bytes", "Data copied to the upper layer."),
        Column("metadata_only", pa.bool_(), "Only metadata was copied.", nullable=True),
        label("evidence", "As in fault; state: born in the upper layer while the call ran."),
        Column("confidence", pa.float32(), "0..1 that process and trigger are right; 0 for trigger unknown.", unit="ratio", nullable=True),
        label(
            "matched_by",
            "chain: kernel call chain. inode: the call made or filled the copy's inode. birth: the copy was born meanwhile. parent: a "
            "file below was copied by the call. pages: as many pages allocated. order, differs: several calls came into question. "
            "unlisted: events alone. span: function_graph. none.",
            nullable=True,
        ),
        pid("tid", "Thread that paid.", nullable=True),
        key("mm_id", "Its address space: row of process.", nullable=True),
        Column("cgroup_id", pa.uint64(), "Cgroup id (perf_event hierarchy); NULL when not recorded.", nullable=True),
        key("mount_id", "Overlay mount, as in overlay_mount; NULL when not listed.", nullable=True),
        label("upper_path", "Where the copy lies.", nullable=True),
        label("file_type", "file, dir, link, other.", nullable=True),
        Column("inode", pa.uint64(), "Inode of the copy.", nullable=True),
        size_bytes("file_bytes", "Size of the file that was copied."),
        size_bytes("written_bytes", "Bytes of the copy that differ from the lower file at the end; the rest of the copy was for nothing."),
        Column("wasted_ratio", pa.float64(), "Share of copied_bytes that nobody changed.", unit="ratio", nullable=True),
        Column("data_later", pa.bool_(), "Copied for metadata, and the data was changed later; NULL when not known.", nullable=True),
        Column("errno", pa.int32(), "Error of the call; 0: none. A call may fail after it has copied.", nullable=True),
    ),
)

OVERLAY_MOUNT = Table(
    "overlay_mount",
    "one overlay mount whose upper layer was listed",
    (
        key("mount_id", "Its number in the mount table."),
        label("mount_point", "Where it is mounted."),
        label("upper", "Upper layer."),
        label("lower", "Lower layers, topmost first, joined by ':'."),
        Column("metacopy", pa.bool_(), "Metadata may be copied without data; NULL when not known.", nullable=True),
        Column("volatile", pa.bool_(), "Copied data is not synced to disk.", nullable=True),
        size_bytes("before_bytes", "Blocks of the upper layer when the recording began."),
        size_bytes("after_bytes", "Blocks when it ended."),
        Column("complete", pa.bool_(), "The whole layer was listed."),
    ),
)

OVERLAY_CHANGE = Table(
    "overlay_change",
    "one entry of an upper layer that is new or changed since the recording began",
    (
        key("mount_id", "Row of overlay_mount."),
        label("path", "Below the mount point."),
        label("type", "file, dir, link, whiteout, other."),
        Column("inode", pa.uint64(), "Inode.", nullable=True),
        size_bytes("size_bytes", "Size at the end."),
        size_bytes("alloc_bytes", "Blocks on disk at the end."),
        size_bytes("before_bytes", "Size when the recording began; NULL: it was not there."),
        size_bytes("lower_bytes", "Size of the file in the lower layer; NULL: there is none of that name."),
        Column("copied", pa.bool_(), "It came from a lower layer; NULL when its attributes could not be read.", nullable=True),
        Column("metacopy", pa.bool_(), "Its data is still in the lower layer.", nullable=True),
        size_bytes(
            "copyup_bytes", "Data in it that a copy-up during the recording brought; 0 for links to a copy that another row counts."
        ),
        size_bytes("new_bytes", "Data in it that was written, beyond what it held before and what was copied."),
        ts_ns("Born; on the recording's clock.", name="birth_ns", nullable=True),
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
