"""The part of a line behind the time, one by one: which event, and the values of its fields.

What the vectorised reader takes many at a time goes the same way here; this module knows all forms, that one the common ones.
Sources: kernel/trace/trace_output.c, trace_syscalls.c, trace_kprobe.c; trace-cmd: lib/traceevent/event-parse.c.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from cowtrace.parsers.ftracetext import values
from cowtrace.parsers.ftracetext.known import KNOWN, full_name
from cowtrace.parsers.ftracetext.shapes import ADDRESSES, FUNCTION, SIGNED, TEXT, UNSIGNED, Shape, Slot, slots_of

#: What a message says: shape and values, and how many bytes of it were read (lines behind may belong to nothing).
Event = tuple[Shape, list[Any]]

_NAME = re.compile(rb"^([A-Za-z_][\w.\-]{0,79}(?::[A-Za-z_][\w.\-]{0,79})?): {0,40}(.*)$", re.DOTALL)
_STACK = re.compile(rb"^(?:(kernel|user)_stack: *)?<(user )?stack trace ?>")
_STACK_RAW = re.compile(rb"^(kernel|user)_stack: +(?:tgid=\S+ )?(?:size=(?P<size>\d{1,9}) )?caller=ARRAY\[(?P<bytes>[0-9a-f, ]*)\]")
_FRAME = re.compile(rb"^ *=> +(.*)$")
_FRAME_ADDRESS = re.compile(rb"(?:[<(]|0x)([0-9a-f]{4,16})[)>]?$")
_SYSCALL = re.compile(rb"^sys_(\w+)\((.*)\)$", re.DOTALL)
_SYSCALL_RETURN = re.compile(rb"^sys_(\w+) -> (-?(?:0x)?[0-9a-f]+)$")
_RAW_MARKER = re.compile(rb"^(?:raw_data: +)?# ?([0-9a-f]+) buf:((?: [0-9a-f]{2})*)")
_FUNCTION = re.compile(rb"^(?:function: +)?(\S+(?: \[\w+\])?) +<-+ ?(\S+(?: \[\w+\])?)$")
_UNKNOWN_TYPE = re.compile(rb"^(?:# ?)?type: ?(\d{1,9})$|^Unknown type (\d{1,9})")
_PROBE = re.compile(rb"^\(([^()]*)\) ?(.*)$", re.DOTALL)
_PAIR = re.compile(r"(?:^|(?<=[ ,{}(\[|]))([A-Za-z_][\w.]*)=(\"(?:[^\"\\]|\\.)*\"|.*?)(?=,? +[A-Za-z_][\w.]*=|$)", re.DOTALL)
_SYSCALL_ARG = re.compile(r"(?:^|, )(\w+): (.*?)(?=, \w+: |$)", re.DOTALL)
_FIELD_VALUE = re.compile(r"^(0x[0-9a-f]+) \((-?\d+)\)$")
_VALUE_WITH_SYMBOL = re.compile(r"^\S* ?\((0x[0-9a-f]{1,16})\)$")
_TEXT_MAX = 48 << 10
_PAIRS_MAX = 64

STACK = "ftrace:kernel_stack", "ftrace:user_stack"
_STACK_ADDRESSES = tuple(Shape(name, slots_of(("size", "caller"), UNSIGNED + ADDRESSES)) for name in STACK)
_STACK_NAMES = tuple(Shape(name, slots_of(("size", "frames"), UNSIGNED + TEXT)) for name in STACK)
MARKER = Shape("tracing_mark_write", slots_of(("buf",), TEXT))
_PRINT = Shape("ftrace:print", slots_of(("ip", "buf"), TEXT + TEXT))
_BPRINT = Shape("ftrace:bprint", slots_of(("ip", "buf"), TEXT + TEXT))
_RAW_DATA = Shape("ftrace:raw_data", slots_of(("id", "buf"), UNSIGNED + TEXT))
_FUNCTION_SHAPE = Shape("ftrace:function", slots_of(("ip", "parent_ip"), TEXT + TEXT))


def stack_shape(shape: Shape) -> Shape | None:
    """The form with addresses of a call stack's shape; None for other events."""
    return _STACK_ADDRESSES[STACK.index(shape.name)] if shape.name in STACK else None


def read_message(text: bytes) -> tuple[Event, int]:
    """Read one message.

    Args:
        text: From the event's name on, with the lines that follow it, without the last newline.

    Returns:
        The event, and how many of the lines that follow it does not know what to do with.
    """
    if text.startswith((b"<", b"kernel_stack:", b"user_stack:")):
        stack = _stack(text)
        if stack is not None:
            return stack, 0
    first, newline, rest = text.partition(b"\n")
    more = rest.count(b"\n") + 1 if newline else 0
    match = _NAME.match(text) if not text.startswith(b"type:") else None
    if match is not None:
        name, args = match[1].decode("latin-1"), match[2]
        event = _named(name, args)
        if event is not None:
            return event, 0
        if newline:  # a field may hold a newline; if the first line alone is whole, the others are no part of it
            event = _named(name, args.partition(b"\n")[0])
            if event is not None:
                return event, more
    for reader in (_syscall, _raw_marker, _function):
        event = reader(first)
        if event is not None:
            return event, more
    if match is not None:
        return _generic(match[1].decode("latin-1"), match[2]), 0
    unknown = _UNKNOWN_TYPE.match(first)
    name = f"type:{(unknown[1] or unknown[2]).decode()}" if unknown else "unknown"
    return (Shape(name, slots_of(("text",), TEXT)), [first[:_TEXT_MAX]]), more


def _named(name: str, args: bytes) -> Event | None:
    """Events that are known by name."""
    if name == "tracing_mark_write":
        return MARKER, [args[:_TEXT_MAX]]
    if name in ("print", "bprint", "ftrace:print", "ftrace:bprint"):
        where, _, text = args.partition(b": ")
        return (_BPRINT if "b" in name else _PRINT), [where[:256], text.removesuffix(b"\n")[:_TEXT_MAX]]
    known = KNOWN.get(name)
    if known is None or len(args) > _TEXT_MAX:
        return None
    found = known.read(args)
    if found is None and b" (" in args:  # trace_options/fields prints each number twice
        found = known.read(re.sub(rb"=(0x[0-9a-f]+) \(-?\d+\)", rb"=\1", args))
    return None if found is None else (known.shape, found)


def _stack(text: bytes) -> Event | None:
    lines = text.split(b"\n")
    raw = _STACK_RAW.match(lines[0])
    if raw is not None:
        plain = bytes(int(byte, 16) for byte in raw["bytes"].replace(b" ", b"").split(b",") if 0 < len(byte) <= 2)
        found = [int.from_bytes(plain[at : at + 8], "little") for at in range(0, len(plain) - 7, 8)]
        found = found if raw["size"] is None else found[: int(raw["size"])]
        return _STACK_ADDRESSES[raw[1] == b"user"], [len(found), found]
    head = _STACK.match(lines[0])
    if head is None:
        return None
    is_user = head[2] is not None or head[1] == b"user"
    frames = [match[1].strip() for line in lines[1:] if (match := _FRAME.match(line))]
    addresses = [_FRAME_ADDRESS.search(frame) for frame in frames]
    if all(address is not None for address in addresses):
        numbers = [int(address[1], 16) for address in addresses if address is not None]
        return _STACK_ADDRESSES[is_user], [len(numbers), numbers]
    return _STACK_NAMES[is_user], [0, b"\n".join(frames)[:_TEXT_MAX]]


def _syscall(line: bytes) -> Event | None:
    match = _SYSCALL_RETURN.match(line)
    if match is not None:
        value = int(match[2], 16 if b"x" in match[2] else 10)
        signed = value - (1 << 64) if value >= 1 << 63 else value
        return Shape(f"syscalls:sys_exit_{match[1].decode()}", slots_of(("ret",), SIGNED)), [max(signed, -(1 << 63))]
    match = _SYSCALL.match(line)
    return None if match is None else _syscall_args(f"syscalls:sys_enter_{match[1].decode()}", match[2].decode("latin-1"))


def _syscall_args(name: str, text: str) -> Event:
    pairs = [(match[1], match[2]) for match in _SYSCALL_ARG.finditer(text)][:_PAIRS_MAX]
    return _event(name, [(key, value.split(" ", 1)[0] if value.startswith("0x") else value) for key, value in pairs])


def _raw_marker(line: bytes) -> Event | None:
    match = _RAW_MARKER.match(line)
    if match is None:
        return None
    return _RAW_DATA, [int(match[1], 16) & 0xFFFFFFFF, bytes.fromhex(match[2].decode())]


def _function(line: bytes) -> Event | None:
    match = _FUNCTION.match(line)
    return None if match is None else (_FUNCTION_SHAPE, [match[1][:256], match[2][:256]])


def _generic(name: str, args: bytes) -> Event:
    whole = full_name(name)
    if whole.startswith("syscalls:sys_exit_"):
        value = values.number(args.decode("latin-1").strip())
        if value is not None:
            return Shape(whole, slots_of(("ret",), SIGNED)), [value - (1 << 64) if value >= 1 << 63 else value]
    if whole.startswith("syscalls:sys_enter_") and b": " in args:
        return _syscall_args(whole, args.decode("latin-1"))
    probe = _PROBE.match(args)
    first: list[tuple[Slot, Any]] = []
    if probe is not None:
        places = probe[1].decode("latin-1").split(" <- ")
        # the kernel prints where a function returned to first, trace-cmd the function, without symbols
        plain = all(re.fullmatch(r"[0-9a-f]{8,16}", place) for place in places)
        names = ("__probe_ip",) if len(places) == 1 else ("__probe_func", "__probe_ret_ip") if plain else ("__probe_ret_ip", "__probe_func")
        for key, place in zip(names, places, strict=False):
            number = int(place, 16) if plain else place.partition("+")[0].encode("latin-1")[:256]
            first.append((Slot(key, UNSIGNED if plain else FUNCTION), number))
        if not plain:
            first.append((Slot("__probe_symbol", TEXT), probe[1][:512]))
        args = probe[2]
    text = args.decode("latin-1")
    found = [(match[1], match[2].rstrip(",")) for match in _PAIR.finditer(text)][:_PAIRS_MAX] if "=" in text else []
    if not found and text.strip():
        found = [("text", text)]
    return _event(whole, found, first)


def _event(name: str, pairs: list[tuple[str, str]], first: Sequence[tuple[Slot, Any]] = ()) -> Event:
    slots, found = [slot for slot, _ in first], [value for _, value in first]
    seen = {slot.name for slot in slots}
    for key, text in pairs:
        if key in seen:
            continue
        seen.add(key)
        kind, value = _value(key, text)
        slots.append(Slot(key, kind))
        found.append(value)
    return Shape(name, tuple(slots)), found


def _value(key: str, text: str) -> tuple[str, Any]:
    if text.endswith(")"):
        both = _FIELD_VALUE.match(text)
        if both is not None:
            return (SIGNED, int(both[2])) if both[2].startswith("-") else (UNSIGNED, int(both[1], 16) % (1 << 64))
        symbol = _VALUE_WITH_SYMBOL.match(text)
        if symbol is not None:
            return UNSIGNED, int(symbol[1], 16)
    if key == "gfp_flags":
        flags = values.gfp(text)
        if flags is not None:
            return UNSIGNED, flags
    number = values.number(text)
    if number is None:
        return TEXT, text.encode("latin-1")[:_TEXT_MAX]
    if text.startswith(("0x", "0X")):
        return UNSIGNED, number
    return (SIGNED, number) if number < 1 << 63 else (UNSIGNED, number)
