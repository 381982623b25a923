"""Compressed pieces of a version 7 file: each is a frame of its own.

Source: trace-cmd: lib/trace-cmd/trace-compress.c, trace-compress-zstd.c, trace-compress-zlib.c.
"""

from __future__ import annotations

import zlib

import zstandard

from cowtrace.errors import InputError

NAMES = ("none", "zstd", "zlib")
#: A piece is ten ring buffer pages (trace-output.c: PAGES_IN_CHUNK), a section the formats of all events at most.
PLAIN_MAX = 32 << 20


def expand(name: str, data: bytes, plain_size: int, path: str, offset: int) -> bytes:
    """The plain bytes of one piece; never more memory than ``PLAIN_MAX``.

    Raises:
        InputError: The piece is damaged, or does not have the size that the file says.
    """
    if not 0 < plain_size <= PLAIN_MAX:
        raise InputError(path, f"expected a compressed piece of up to {PLAIN_MAX} bytes, found {plain_size}", offset=offset)
    try:
        plain = _zstd(data, plain_size) if name == "zstd" else zlib.decompressobj().decompress(data, plain_size)
    except (zstandard.ZstdError, zlib.error) as error:
        raise InputError(path, f"the compressed data is damaged ({error})", offset=offset) from error
    if len(plain) != plain_size:
        raise InputError(path, f"expected {plain_size} bytes from a compressed piece, found {len(plain)}", offset=offset)
    return plain


def _zstd(data: bytes, plain_size: int) -> bytes:
    # The frame's own size is what the library allocates: it must not be taken on trust.
    stated = zstandard.frame_content_size(data)
    if stated not in (-1, plain_size):
        raise zstandard.ZstdError(f"its frame says {stated} bytes, the file {plain_size}")
    return zstandard.ZstdDecompressor(max_window_size=PLAIN_MAX).decompress(data, max_output_size=plain_size)
