"""Facts about a trace.dat, from its head and options.

Source: trace-cmd: tracecmd/trace-record.c (add_uname, add_version, add_buffer_stat).
"""

from __future__ import annotations

from cowtrace.parsers.base import Note, SourceInfo
from cowtrace.parsers.source import Source
from cowtrace.parsers.tracedat.clock import UNITS
from cowtrace.parsers.tracedat.metadata import Metadata

#: Architectures whose pages have one size (arch/*/include/asm/page.h); elsewhere only the smallest is certain.
_PAGE_4K_ARCHS = ("x86_64", "i686", "i586", "i386", "s390x")
_PAGE_4K = 4096


def describe(source: Source, meta: Metadata) -> SourceInfo:
    """What the head of a file says."""
    options, head = meta.options, meta.head
    info = SourceInfo(path=source.path, format="trace.dat", size_bytes=source.size)
    system = (options.uname or "").split()
    if len(system) >= 4:
        info.hostname, info.kernel_release, info.arch = system[1], system[2], system[-1]
    if info.arch in _PAGE_4K_ARCHS or head.page_size == _PAGE_4K:
        info.page_size = _PAGE_4K
    if options.version:
        words = options.version.split()
        # cowtrace writes its name in front of its version
        info.recorder = " ".join(words) if words[:1] == ["cowtrace"] else f"trace-cmd {words[0]}" if words else "trace-cmd"
    info.cpu_count = options.cpu_count or len(options.stats[""]) or (len(meta.buffers[0].cpus) if head.version == 6 else None)
    info.features = _features(meta)
    _set_clock(info, meta)
    return info


def _features(meta: Metadata) -> dict[str, object]:
    options = meta.options
    features: dict[str, object] = {
        "file_version": meta.head.version,
        "byte_order": "little" if meta.head.order == "<" else "big",
        "compression": meta.head.compression,
        "instances": [buffer.name for buffer in meta.buffers if buffer.name],
        "clocks": {buffer.name: buffer.clock for buffer in meta.buffers},
        "cpu_stats": options.stats,
        **options.other,
    }
    if options.offset_ns:
        features["offset_ns"] = options.offset_ns
    if options.tsc is not None:
        features["tsc_mult"], features["tsc_shift"] = options.tsc
    if options.unknown:
        features["unknown_options"] = {str(number): count for number, count in sorted(options.unknown.items())}
    return features


def _set_clock(info: SourceInfo, meta: Metadata) -> None:
    options = meta.options
    clocks = {buffer.clock or options.clock for buffer in meta.buffers} or {options.clock}
    clock = (meta.buffers[0].clock if meta.buffers else None) or options.clock
    unit = UNITS.get(clock or "") if options.tsc is None else None
    if len(clocks) > 1:
        names = ", ".join(sorted(str(name) for name in clocks))
        info.notes.append(Note(f"the instances have different clocks ({names}): their times can't be compared"))
    if options.has_date:
        info.clock, info.wall_offset_ns = "realtime", 0
        info.notes.append(Note(f"times were recorded with clock {clock or 'unknown'} and the offset to the time of day was added"))
    elif unit is not None:
        info.clock = f"{clock} ({unit})"
        info.notes.append(Note(f"clock {clock} counts {unit}, not nanoseconds: times are these numbers"))
    elif clock is None and meta.buffers:
        info.notes.append(Note("the file does not say its clock: times are taken as nanoseconds"))
    if options.offset_ns and not options.has_date:
        info.notes.append(Note(f"{options.offset_ns} was added to all times, as the recorder was told"))
    info.clock = info.clock or clock
    if "peer_trace_id" in options.other:
        info.notes.append(Note("the recording of a guest: its times are those of the guest, not of the host"))
