"""Recordings that were compressed as a whole with zstd (``perf.data.zst``): unpacked once into an anonymous temporary file."""

from __future__ import annotations

import os

import zstandard

from cowtrace.errors import InputError
from cowtrace.parsers.source import Source, SpillFile

#: First bytes of a zstd frame (RFC 8878, 3.1.1).
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"

_PIECE_BYTES = 1 << 20
#: More than this many times its size is no recording but a trap; small files may grow to the floor.
_RATIO_MAX, _FLOOR_BYTES = 2000, 256 << 20


def open_source(path: str | os.PathLike[str]) -> Source:
    """The bytes of a file, plain or packed with zstd.

    Raises:
        InputError: As ``Source.open`` and ``unpack_zstd``.
    """
    source = Source.open(path)
    if source.read(0, min(source.size, len(ZSTD_MAGIC)), "first bytes") == ZSTD_MAGIC:
        return unpack_zstd(source.path)
    return source


def unpack_zstd(path: str) -> SpillFile:
    """The plain bytes of a zstd file. One that is cut short gives what comes before the cut.

    Raises:
        InputError: Not a zstd stream, or one that unpacks to absurd sizes.
    """
    plain = SpillFile(path)
    decompressor = zstandard.ZstdDecompressor().decompressobj(read_across_frames=True)
    taken = 0
    with open(path, "rb") as stream:
        while piece := stream.read(_PIECE_BYTES):
            taken += len(piece)
            # a small piece may hold gigabytes: feed it in slices so that each answer stays bounded
            for start in range(0, len(piece), 1 << 12):
                try:
                    plain.append(decompressor.decompress(piece[start : start + (1 << 12)]))
                except zstandard.ZstdError as error:
                    if plain.size:
                        return plain
                    raise InputError(path, f"damaged zstd data ({error})", offset=taken - len(piece) + start) from None
                if plain.size > max(_FLOOR_BYTES, _RATIO_MAX * taken):
                    raise InputError(
                        path, f"zstd data that unpacks to more than {_RATIO_MAX} times its size", hint="unpack it by hand if that is right"
                    )
    return plain


def head_of_zstd(packed_head: bytes, size: int) -> bytes:
    """First bytes of the plain data, from the first bytes of the file."""
    try:
        return zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj().decompress(packed_head)[:size]
    except zstandard.ZstdError:
        return b""
