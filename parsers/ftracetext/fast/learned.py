"""Events that no table knows, such as probes: how one line is printed tells how to read the others."""

from __future__ import annotations

import re

from cowtrace.parsers.ftracetext.calls import Calls
from cowtrace.parsers.ftracetext.fast.templates import Reader
from cowtrace.parsers.ftracetext.known import Known, Template
from cowtrace.parsers.ftracetext.message import read_message
from cowtrace.parsers.ftracetext.shapes import FUNCTION, SIGNED, TEXT, UNSIGNED

#: Ways of printing one event; probes of returns have one for each caller.
READERS_MAX = 24
_FIELD = re.compile(r"(?P<key>[A-Za-z_][\w.]*)=(?P<value>0x[0-9a-f]{1,16}|-?\d{1,15})(?= |$)")
_ARGS_MAX = 1024


def learn(message: bytes, args: bytes, calls: Calls) -> Reader | None:
    """A reader for lines like this one; None when its fields are not all numbers.

    Args:
        message: From the event's name to the end of the line.
        args: Its part behind the name.
        calls: Numbers the functions.
    """
    text = args.decode("latin-1")
    if len(args) > _ARGS_MAX or "{" in text or not text.isascii():
        return None
    (shape, found), damaged = read_message(message)
    kinds = {match["key"]: match["value"] for match in _FIELD.finditer(text)}
    constants: dict[str, int | bytes] = {}
    for slot, value in zip(shape.slots, found, strict=True):
        if slot.name in kinds and slot.kind in (UNSIGNED, SIGNED):
            if (slot.kind == UNSIGNED) != kinds[slot.name].startswith("0x"):
                return None
        elif slot.name.startswith("__probe_"):
            constants[slot.name] = calls.number(value) if slot.kind == FUNCTION else value
        else:
            return None
    if damaged or not kinds or any(slot.kind == TEXT and slot.name not in constants for slot in shape.slots):
        return None
    place = {slot.name: number for number, slot in enumerate(shape.slots)}
    template = _FIELD.sub(lambda match: f"{match['key']}=" + _place(match["key"], match["value"]), text)
    return Reader(Known(shape, (Template.of(template),), place=place), constants)


def learn_symbol(known: Known, args: bytes) -> Reader | None:
    """A reader for lines of a known event that print the same symbol in place of a number; None when this line does not."""
    found = known.read(args)
    if found is None or not known.symbol:
        return None
    symbol: bytes = found[known.place[known.symbol]]
    text = known.templates[0].text.replace(f"{{{known.symbol_of}:y}}", symbol.decode("latin-1"))
    if not symbol or b"{" in symbol or not symbol.isascii():
        return None
    return Reader(Known(known.shape, (Template.of(text),), place=known.place), {known.symbol: symbol, known.symbol_of: 0})


def _place(key: str, value: str) -> str:
    return f"0x{{{key}:X}}" if value.startswith("0x") else f"{{{key}:d}}"
