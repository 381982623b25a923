"""Opening perf.data: from a path to a recording, whatever state the file is in."""

from __future__ import annotations

import os
import re

from cowtrace.errors import InputError
from cowtrace.parsers.base import Note, SourceInfo
from cowtrace.parsers.perfdata.features import DIR_FORMAT
from cowtrace.parsers.perfdata.header import Header, is_killed, read_attrs, read_feature_table, read_header
from cowtrace.parsers.perfdata.layout import layout_form
from cowtrace.parsers.perfdata.metadata import FILE_HEAD, PIPE_HEAD, Metadata
from cowtrace.parsers.perfdata.recording import PerfRecording
from cowtrace.parsers.perfdata.stream import Stream
from cowtrace.parsers.source import Source
from cowtrace.parsers.unpack import open_source

#: Default memory of the records of one batch.
BLOCK_BYTES = 16 << 20
#: A scan goes in pieces of this part of it: they stay in the CPU's cache, and keep streams of a directory apart in time.
_SCAN_PART = 4
#: Bytes of a file's records in which event names are looked for when the header has none.
_NAMES_WITHIN = 1 << 20
#: All trace events of a kernel are about 3,000, and perf gives them a handful of forms.
_EVENTS_MAX, _LAYOUTS_MAX = 0xFFFF, 256
#: Clock numbers: include/uapi/linux/time.h
_CLOCKS = {0: "realtime", 1: "mono", 4: "mono_raw", 7: "boot", 11: "tai"}
_PIECE = re.compile(r"data\.(\d+)")


def open_perfdata(path: str | os.PathLike[str], *, block_bytes: int = BLOCK_BYTES) -> PerfRecording:
    """Open a perf.data file, a file of a pipe, or a directory of ``perf record --threads``.

    Args:
        path: The file or directory.
        block_bytes: Memory of the records of one batch.

    Raises:
        InputError: It can't be read at all. Damage behind the head of the file is told in ``info`` instead.
    """
    name = os.fspath(path)
    source = open_source(os.path.join(name, "data") if os.path.isdir(name) else name)
    header = read_header(source)
    info = SourceInfo(path=name, format="perf.data", size_bytes=source.size)
    pieces: list[str] = []
    if os.path.isdir(name) or (DIR_FORMAT in header.features and not is_killed(source, header)):
        # The folder's file data may be named itself.
        pieces = _pieces(os.path.dirname(source.path))
        if not pieces:
            info.notes.append(Note("part of a directory recording; its files data.0, data.1, ... with the events are not here"))
    metadata = Metadata()
    scan_bytes = block_bytes // _SCAN_PART // (1 + len(pieces))
    end = source.size
    if header.is_pipe:
        info.format = "perf.data pipe"
    else:
        metadata.attrs = read_attrs(source, header)
        end = _read_features(source, header, metadata, info)
    streams = [Stream(source, header.data.offset, end, header.order, block_bytes=scan_bytes)]
    for piece in pieces:
        info.format = "perf.data directory"
        data = Source.open(piece)
        info.size_bytes += data.size
        streams.append(Stream(data, 0, data.size, header.order, block_bytes=scan_bytes, name=f"{os.path.basename(piece)}: "))
    if header.is_pipe:
        for block in streams[0].blocks():
            metadata.add_records(block, PIPE_HEAD)
        if not metadata.attrs:
            raise InputError(name, "a pipe recording without any event", hint="its head is missing or cut")
    elif not metadata.features.events:
        head_end = min(end, header.data.offset + _NAMES_WITHIN)
        for block in Stream(source, header.data.offset, head_end, header.order, block_bytes=_NAMES_WITHIN).blocks():
            metadata.add_records(block, FILE_HEAD)
    if len(metadata.attrs) > _EVENTS_MAX or len({layout_form(attr) for attr, _ in metadata.attrs}) > _LAYOUTS_MAX:
        raise InputError(name, f"{len(metadata.attrs)} events of many forms: the list of events is damaged")
    _fill(info, metadata)
    return PerfRecording(info, metadata, streams, header.order, block_bytes)


def _pieces(folder: str) -> list[str]:
    """``data.0``, ``data.1``, ... of a directory, in numeric order."""
    numbered = [(int(match[1]), entry) for entry in os.listdir(folder or ".") if (match := _PIECE.fullmatch(entry))]
    return [os.path.join(folder, entry) for _, entry in sorted(numbered)]


def _read_features(source: Source, header: Header, metadata: Metadata, info: SourceInfo) -> int:
    """Read the features when they are there; returns where the records end."""
    if is_killed(source, header):
        text = "the recorder was killed before it finished the file: host and command are unknown, events may lack their names"
        info.notes.append(Note(text))
        return source.size
    missing = header.data.end - source.size
    if missing > 0:
        text = f"the file is cut: {missing} bytes of records and everything behind them are missing"
        info.notes.append(Note(text))
        return source.size
    table = read_feature_table(source, header)
    if len(table) < len(header.features):
        info.notes.append(Note("the file is cut inside its feature table: host, command or names may be unknown"))
    metadata.add_sections(source, header.order, table)
    return header.data.end


def _fill(info: SourceInfo, metadata: Metadata) -> None:
    """Move what is known into ``info``."""
    values = dict(metadata.features.values)
    version = values.pop("version", None)
    info.recorder = f"perf {version}" if version else None
    info.hostname = values.pop("hostname", None)
    info.kernel_release = values.pop("os_release", None)
    info.arch = values.pop("arch", None)
    info.cpu_desc = values.pop("cpu_desc", None)
    info.cmdline = values.pop("cmdline", None)
    if (cpus := values.get("nr_cpus")) is not None:
        info.cpu_count = cpus["online"]
    if (total_kb := values.pop("total_mem_kb", None)) is not None:
        info.total_mem_bytes = total_kb * 1024
    if metadata.tracing is not None:
        info.page_size = metadata.tracing.page_size or None
    clocked = [attr for attr, _ in metadata.attrs if attr.use_clockid]
    info.clock = _CLOCKS.get(clocked[0].clockid, f"clock {clocked[0].clockid}") if clocked else "perf"
    if (clock := values.get("clock_data")) is not None:
        info.wall_offset_ns = clock["wall_ns"] - clock["clock_ns"]
    info.features = values
    info.notes += [Note(f"a feature of the header is damaged: {text}") for text in metadata.features.damaged]
    if metadata.build_ids:
        info.features["build_ids"] = metadata.build_ids
    if metadata.damaged_count:
        info.notes.append(Note("records with facts about the recording are damaged", metadata.damaged_count))
