"""Blocks of ``perf script`` text to samples, line by line."""

from __future__ import annotations

from cowtrace.parsers.ftracetext.blocks import Block
from cowtrace.parsers.ftracetext.calls import Calls
from cowtrace.parsers.ftracetext.message import read_message
from cowtrace.parsers.ftracetext.pieces import Builder, Piece
from cowtrace.parsers.ftracetext.shapes import FUNCTION, TEXT, UNSIGNED, Shape, Slot, slots_of
from cowtrace.parsers.perfscript.line import KERNEL_HALF, Sample, parse_addresses, parse_frame, parse_line
from cowtrace.parsers.perfscript.records import Records
from cowtrace.parsers.perfscript.samples import SampleShapes, encode_sample

_SYMBOLS_MAX = 1 << 20
#: What a sample may show, in the order of the bits that say so.
COLUMNS = ("ts_ns", "tid", "cpu", "ip", "addr", "period")


class SampleReader:
    """Reads blocks in order.

    Attributes:
        shapes: Events so far.
        records: Side band so far.
        symbols: Names of kernel addresses that the text shows.
        damaged_count: Lines that belong to nothing.
        unknown_count: Records of unknown kinds.
        user_frames: Frames of call chains that were left out.
        first_ns: Time of the first sample.
        place: Number of the line that was read last, from 1 on.
        calls: Numbers of functions.
    """

    def __init__(self) -> None:
        self.shapes = SampleShapes()
        self.records = Records()
        self.symbols: dict[int, bytes] = {}
        self.damaged_count = self.unknown_count = self.user_frames = 0
        self.first_ns: int | None = None
        self._periods: dict[int, set[int]] = {}
        self.place = 0
        self._pending: Sample | None = None
        self._chain: list[int] = []
        self._more: list[bytes] = []
        self.calls = Calls()
        # events without fields, by what their samples show
        self._plain: dict[tuple[tuple[bool, ...], bool, bytes], tuple[int, Shape]] = {}

    def read(self, block: Block) -> Piece | None:
        """The samples of a block; the last one may wait for the next."""
        builder = Builder()
        for line in block.data.split(b"\n")[:-1]:
            self.place += 1
            self.line(line, builder)
        if block.is_last:
            self.flush(builder)
        return builder.finish()

    def period(self, number: int) -> int | None:
        """The fixed period of an event; 1 when it is not shown, None when it varies."""
        found = self._periods.get(number, {1})
        return next(iter(found)) if len(found) == 1 else None

    def line(self, line: bytes, builder: Builder) -> None:
        """Read the line at ``place``, which the caller counts."""
        if not line:
            self.flush(builder)
            return
        if self._pending is not None and line.startswith(b"\t") and self._frame(line):
            return
        if line.startswith(b"#"):
            return
        sample = parse_line(line)
        if sample is None and self._pending is not None and line.startswith(b" ") and self._frame(line):
            return
        if sample is None:
            if self._pending is None:
                self.damaged_count += 1
            else:
                self._more.append(line)
            return
        self.flush(builder)
        if sample.event:
            self._pending = sample
        elif not self.records.add(self.place, sample):
            self.unknown_count += 1

    def _frame(self, line: bytes) -> bool:
        """A line of a call chain; False when it is none."""
        frame = parse_frame(line)
        if frame is None:
            return False
        ip, symbol = frame
        if ip < KERNEL_HALF:
            self.user_frames += 1
        else:
            self._chain.append(ip)
            if symbol:
                self.name(ip, symbol)
        return True

    def flush(self, builder: Builder) -> None:
        """The sample that waited for more lines is whole."""
        sample, chain, more = self._pending, self._chain, self._more
        self._pending, self._chain, self._more = None, [], []
        if sample is None:
            return
        name = sample.event.decode("latin-1")
        rest = sample.rest if not more else b"\n".join([sample.rest, *more])
        ip = addr = None
        slots: tuple[Slot, ...] = ()
        found: list[object] = []
        places = None if b":" in sample.event and b"=" in rest else parse_addresses(rest)
        if places is not None:
            addr, ip, symbol = places
            if ip is not None and ip >= KERNEL_HALF and symbol:
                self.name(ip, symbol)
        else:
            (shape, found), damaged = read_message(sample.event + b": " + rest)
            self.damaged_count += damaged
            slots = tuple(Slot(slot.name, UNSIGNED) if slot.kind == FUNCTION else slot for slot in shape.slots)
            found = [self.calls.number(v) if s.kind == FUNCTION else v for s, v in zip(shape.slots, found, strict=True)]  # type: ignore[arg-type]
        if chain:
            ip = chain[0] if ip is None else ip
        told = (sample.ts_ns, sample.tid, sample.cpu, -1 if ip is None else 0, -1 if addr is None else 0, sample.period)
        seen = tuple(value >= 0 for value in told), bool(chain), sample.event
        plain = self._plain.get(seen) if places is not None else None
        if plain is None:
            columns = frozenset(column for column, value in zip(COLUMNS, told, strict=True) if value >= 0) | {"tgid"}
            if self.shapes.is_full:
                name, slots, found, columns = "other", slots_of(("text",), TEXT), [rest[:1024]], frozenset({"tgid"})
            plain = self.shapes.number(name, slots, columns, has_chain=bool(chain))
            if places is not None and not found:
                self._plain[seen] = plain
        number, shape = plain
        if sample.period >= 0:
            self.meet_period(number, sample.period)
        self.see(self.place, sample)
        own = (sample.pid, ip or 0, addr or 0, max(sample.period, 0))
        payload = encode_sample(number, shape, own, found, sample.tid, sample.cpu, chain)
        builder.add(self.place, sample.ts_ns, number, payload)

    def meet_period(self, number: int, period: int) -> None:
        """A sample of an event shows its period."""
        periods = self._periods.setdefault(number, set())
        if len(periods) < 2:
            periods.add(period)

    def see(self, place: int, sample: Sample) -> None:
        """A sample shows its task; ``place``: the line behind it."""
        if self.first_ns is None:
            self.first_ns = sample.ts_ns
        self.records.see(place, sample)

    def name(self, ip: int, symbol: bytes) -> None:
        """The text shows this symbol at an address of the kernel."""
        if symbol != b"[unknown]" and len(self.symbols) < _SYMBOLS_MAX:
            self.symbols.setdefault(ip, symbol.partition(b"\n")[0].partition(b"+0x")[0])
