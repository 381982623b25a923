r"""Strings from traces are bytes chosen by strangers: how they are stored and shown.

A ``comm`` is up to 15 bytes, any but NUL (``prctl(PR_SET_NAME)``); a path is any bytes but NUL. Tables hold them as UTF-8 text in
which every byte that is not part of valid UTF-8 is written ``\xNN`` and a literal backslash stays as it is.
Terminals get a form without control characters.
"""

from __future__ import annotations

import unicodedata


def decode_name(raw: bytes) -> str:
    r"""Bytes of a kernel name as storable text: ``b'bad\xff' -> 'bad\\xff'``."""
    return raw.decode("utf-8", "backslashreplace")


def printable(text: str) -> str:
    r"""Text that can't drive a terminal: control and format characters become ``\xNN``/``\uNNNN``."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if _is_plain(char) else char.encode("unicode_escape").decode("ascii") for char in text)


def _is_plain(char: str) -> bool:
    # Cc: ESC, NUL, newline; Cf: bidi overrides and zero-width; Zl/Zp: line separators; Cs: lone surrogates; Co/Cn: unknown glyphs
    return unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
