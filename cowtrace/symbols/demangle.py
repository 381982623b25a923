"""Linkage names as programmers wrote them: C++ and Rust."""

from __future__ import annotations

import re

from cowtrace.text import decode_name

#: Two back references can double a demangled name; names with more of them stay as they are.
_MAX_BACK_REFERENCES = 28
_MAX_NAME_BYTES = 1024
_RUST_HASH = re.compile(r"::h[0-9a-f]{16}$")
_RUST_ESCAPE = re.compile(r"\$(SP|BP|RF|LT|GT|LP|RP|C|u[0-9a-f]{1,6})\$")
# what rustc wrote before its own mangling (compiler/rustc_symbol_mangling/src/legacy.rs)
_RUST_SIGNS = {"SP": "@", "BP": "*", "RF": "&", "LT": "<", "GT": ">", "LP": "(", "RP": ")", "C": ","}


def demangle(raw: bytes) -> str:
    """A symbol's name for people; a name that is not mangled, or badly, stays: ``b'_ZN2ns3runEv' -> 'ns::run()'``."""
    name = decode_name(raw)
    if not name.startswith(("_Z", "_R", "__Z")) or len(name) > _MAX_NAME_BYTES or _back_references(name) > _MAX_BACK_REFERENCES:
        return name
    import pycxxfilt

    try:
        plain = pycxxfilt.demangle(name)
    except ValueError:
        return name
    return name if plain is None else _rust_legacy(plain)


def _back_references(name: str) -> int:
    # S_, S0_, T_ and B_ stand for what came before; the one-letter std:: shorthands St, Sa, Ss ... do not grow
    return len(re.findall(r"[STB][0-9A-Z]*_", name))


def _rust_legacy(name: str) -> str:
    """``alloc..vec..Vec$LT$T$GT$::push::h0123456789abcdef -> alloc::vec::Vec<T>::push``; other names stay."""
    if not _RUST_HASH.search(name):
        return name
    name = _RUST_HASH.sub("", name)
    name = re.sub(r"(^|::)_(?=\$)", r"\1", name)
    return _RUST_ESCAPE.sub(_sign, name).replace("..", "::")


def _sign(found: re.Match[str]) -> str:
    code = found[1]
    if code in _RUST_SIGNS:
        return _RUST_SIGNS[code]
    number = int(code[1:], 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else found[0]
