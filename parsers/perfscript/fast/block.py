"""A block of lines: samples with their call chains in columns, the others one by one, all in the order of the text."""

from __future__ import annotations

import numpy as np

from cowtrace.parsers.ftracetext.blocks import Block
from cowtrace.parsers.ftracetext.fast.names import Names, mix
from cowtrace.parsers.ftracetext.fast.text import Mask, Text
from cowtrace.parsers.ftracetext.pieces import Builder, Piece
from cowtrace.parsers.perfscript.fast.addresses import read_addresses
from cowtrace.parsers.perfscript.fast.frames import Frames, chains_of, read_frames
from cowtrace.parsers.perfscript.fast.heads import Heads, read_heads
from cowtrace.parsers.perfscript.fast.messages import Messages
from cowtrace.parsers.perfscript.fast.samples import Samples, Writer
from cowtrace.parsers.perfscript.line import KERNEL_HALF, parse_frame, parse_line
from cowtrace.parsers.perfscript.reader import SampleReader
from cowtrace.parsers.words import Index

#: Names that are looked at in columns.
_NAMES_MAX = 1024
_SLOW = -1
_KERNEL = np.uint64(KERNEL_HALF)


class BlockReader:
    """Reads blocks in order.

    Args:
        reader: Takes the lines that are not common, and keeps what was found.
    """

    def __init__(self, reader: SampleReader) -> None:
        self._reader = reader
        self._numbers = Names()
        self._symbols = Names()
        self._names: list[bytes] = []
        self._messages = Messages(reader.calls)

    def read(self, block: Block) -> Piece | None:
        """The samples of a block; the last one may wait for the next."""
        builder, reader = Builder(), self._reader
        text = Text(block.data)
        starts, ends = text.lines()
        first = reader.place
        heads, frames = read_heads(text, starts, ends), read_frames(text, starts, ends)
        event = self._events(text, heads)
        is_empty = starts == ends
        closes = _closes(heads.ok, frames.ok, heads.ok | heads.is_record | is_empty)
        lines = np.flatnonzero(closes > 0)
        samples, ok = self._samples(text, heads, event, lines, ends)
        closes[lines[~ok]] = 0
        lines = lines[ok]
        samples.place = first + closes[lines] + 1
        left = _left(closes, is_empty)
        frames = frames.without(left)
        chains = chains_of(frames, lines)
        samples.enter(chains)
        self._in_order(block.data, starts, ends, left, heads, lines, samples.place, builder)
        reader.user_frames += chains.user_count
        self._name(text, starts, ends, frames, samples)
        Writer(reader, self._names).write(samples, chains, builder)
        reader.place = first + len(starts)
        if block.is_last:
            reader.flush(builder)
        return builder.finish()

    def _events(self, text: Text, heads: Heads) -> Index:
        """Number of each line's event; lines whose event is not read in columns are no heads."""
        event = np.full(len(heads.ok), _SLOW, np.int64)
        rows = np.flatnonzero(heads.ok)

        def resolve(row: int) -> int:
            begin, line = int(heads.name_at[rows[row]]), int(heads.at[rows[row]])
            name = text.u8[begin:line].tobytes().split(b" ")[0].rstrip(b"\n")[:-1]
            if name.startswith(b"PERF_RECORD_") or len(self._names) >= _NAMES_MAX:  # with a number before it
                return _SLOW
            self._names.append(name)
            return len(self._names) - 1

        if len(rows):
            event[rows] = self._numbers.numbers(heads.event[rows], resolve)
        heads.ok &= event != _SLOW
        return event

    def _samples(self, text: Text, heads: Heads, event: Index, lines: Index, ends: Index) -> tuple[Samples, Mask]:
        """Samples at these lines, of those that could be read, and which could."""
        u8 = text.u8[: text.size]
        at, ends = heads.at[lines], ends[lines]
        kinds = event[lines]
        has_colon = np.array([b":" in name for name in self._names] or [False])
        equals = np.flatnonzero(u8 == ord("="))
        has_fields = has_colon[kinds] & (np.searchsorted(equals, at) < np.searchsorted(equals, ends))
        found = read_addresses(text, at, ends, np.flatnonzero(u8 == ord(")")))
        ok = found.ok & ~has_fields
        parts = self._messages.read(text, self._names, kinds, np.flatnonzero(has_fields), heads.name_at[lines], at, ends)
        for part in parts:
            ok[part.rows] = True
        found.has_ip &= ~has_fields
        found.has_addr &= ~has_fields
        ip, addr = np.where(found.has_ip, found.ip, 0), np.where(found.has_addr, found.addr, 0)
        columns = (heads.pid[lines], heads.tid[lines], heads.cpu[lines], heads.ts_ns[lines], heads.period[lines])
        symbols = (np.where(has_fields, at, found.symbol_at), np.where(has_fields, at, found.symbol_end))
        samples = Samples(at, kinds, *columns, ip, addr, found.has_ip, found.has_addr, *symbols)
        return samples.some(ok, parts), ok

    def _in_order(
        self, data: bytes, starts: Index, ends: Index, left: Index, heads: Heads, lines: Index, place: Index, builder: Builder
    ) -> None:
        """Read the lines that are left, and see the tasks of the samples, in the order of the text."""
        reader, first = self._reader, self._reader.place
        seen = _changes(heads, lines, left)
        shown, done = lines[seen].tolist(), 0
        places = place[seen].tolist()
        if len(lines) and lines[0] == 0:
            reader.place = first + 1
            reader.flush(builder)
        is_head = np.zeros(len(starts) + 1, bool)
        is_head[lines] = True
        for line in left.tolist():
            while done < len(shown) and shown[done] < line:
                self._see(data[starts[shown[done]] : ends[shown[done]]], places[done])
                done += 1
            reader.place = first + line + 1
            reader.line(data[starts[line] : ends[line]], builder)
            if is_head[line + 1]:
                reader.place += 1
                reader.flush(builder)
        for number in range(done, len(shown)):
            self._see(data[starts[shown[number]] : ends[shown[number]]], places[number])

    def _see(self, line: bytes, place: int) -> None:
        sample = parse_line(line)
        if sample is not None:
            self._reader.see(place, sample)

    def _name(self, text: Text, starts: Index, ends: Index, frames: Frames, samples: Samples) -> None:
        """Names of kernel addresses, each looked at once."""

        def of_frame(row: int) -> int:
            frame = parse_frame(text.u8[starts[lines[row]] : ends[lines[row]]].tobytes())
            if frame is not None and frame[1]:
                self._reader.name(*frame)  # type: ignore[arg-type]
            return 0

        some = np.flatnonzero((frames.ip >= _KERNEL) & (frames.at < ends[frames.lines]) & (text.byte(frames.at + 1) != ord("[")))
        lines = frames.lines[some]
        self._symbols.numbers(frames.ip[some], of_frame)

        def of_sample(row: int) -> int:
            which = named[row]
            symbol = text.u8[samples.symbol_at[which] : samples.symbol_end[which]].tobytes()
            self._reader.name(int(samples.ip[which]), symbol)
            return 0

        has_symbol = (samples.symbol_end > samples.symbol_at) & (text.byte(samples.symbol_at) != ord("["))
        named = np.flatnonzero((samples.ip >= _KERNEL) & has_symbol)
        self._symbols.numbers(samples.ip[named], of_sample)


def _closes(is_head: Mask, is_frame: Mask, is_end: Mask) -> Index:
    """For each line that begins a sample of which nothing is unclear: the line that ends it; 0 for the others."""
    closes = np.zeros(len(is_head), np.int64)
    heads = np.flatnonzero(is_head)
    others = np.flatnonzero(~is_frame)
    after = np.searchsorted(others, heads + 1)
    inside = after < len(others)  # the last one may go on in the next block
    heads, behind = heads[inside], others[after[inside]]
    fine = is_end[behind]
    closes[heads[fine]] = behind[fine]
    return closes


def _left(closes: Index, is_empty: Mask) -> Index:
    """Lines that belong to no sample that was read."""
    heads = np.flatnonzero(closes)
    steps = np.zeros(len(closes) + 1, np.int64)
    steps[heads] += 1
    steps[closes[heads]] -= 1  # the ends of two samples are never the same line
    inside = np.cumsum(steps[:-1]) > 0
    behind = closes[heads]
    inside[behind[is_empty[behind]]] = True
    return np.flatnonzero(~inside)


def _changes(heads: Heads, lines: Index, left: Index) -> Index:
    """Which samples show a task anew: first in the block, first after a line that is left, or otherwise than before."""
    tid = heads.tid[lines]
    key = mix(mix(heads.comm[lines], heads.pid[lines].astype(np.uint64)), tid.astype(np.uint64))
    segment = np.searchsorted(left, lines)
    order = np.argsort(tid, kind="stable")
    tid, key, segment = tid[order], key[order], segment[order]
    differs = np.ones(len(lines), bool)
    differs[1:] = (tid[1:] != tid[:-1]) | (key[1:] != key[:-1]) | (segment[1:] != segment[:-1])
    changes: Index = np.sort(order[differs])
    return changes
