"""Names that lie beside a recording: ``/proc/kallsyms`` and the ``perf-PID.map`` files of just-in-time compilers.

kallsyms: ``ffffffff81000000 T name\\t[module]``, one a line (kernel/kallsyms.c). perf map: ``start size name``, both numbers hexadecimal
(tools/perf/Documentation/jit-interface.txt).
"""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import zstandard

from cowtrace.text import decode_name

#: Columns: tgid is NULL for the kernel.
SCHEMA = {"tgid": pl.Int32, "addr": pl.UInt64, "size_bytes": pl.Int64, "name": pl.String, "module": pl.String}

#: A text of names; the kernel's own is about 10 MiB, those of large Java programs about 20.
MAX_BYTES = 256 << 20

_MAP_NAME = re.compile(r"perf-(\d{1,9})\.map(\.zst)?")


def read_kallsyms(text: bytes) -> pl.DataFrame:
    """Functions of the kernel and its modules, in the order of the text; lines of another form are left out.

    Returns:
        ``SCHEMA``; empty when the kernel hid its addresses (kptr_restrict).
    """
    lines = _lines(text)
    found = (
        lines.select(pl.col("line").str.extract_groups(r"^([0-9a-fA-F]{8,16}) ([tTwW]) ([^\t]+)(?:\t\[([^\]]*)\])?$"))
        .unnest("line")
        .drop_nulls("1")
    )
    table = found.select(
        tgid=pl.lit(None, pl.Int32),
        addr=_hex("1"),
        size_bytes=pl.lit(None, pl.Int64),
        name=pl.col("3"),
        module=pl.col("4"),
    )
    return table.filter(pl.col("addr") != 0)


def read_perf_map(text: bytes, tgid: int) -> pl.DataFrame:
    """Functions that a just-in-time compiler announced; of several for the same address the last one holds.

    Returns:
        ``SCHEMA``.
    """
    found = (
        _lines(text)
        .select(pl.col("line").str.extract_groups(r"^(?:0x)?([0-9a-fA-F]{1,16}) (?:0x)?([0-9a-fA-F]{1,15}) (.+)$"))
        .unnest("line")
        .drop_nulls("1")
    )
    table = found.select(
        tgid=pl.lit(tgid, pl.Int32),
        addr=_hex("1"),
        size_bytes=_hex("2").cast(pl.Int64),
        name=pl.col("3"),
        module=pl.lit(None, pl.String),
    )
    return table.unique("addr", keep="last", maintain_order=True)


def read_names(path: Path) -> pl.DataFrame | None:
    """The names in a file of one of these names: ``kallsyms``, ``kallsyms.zst``, ``perf-PID.map``; None for any other file.

    Raises:
        OSError, zstandard.ZstdError: It can't be read.
        ValueError: It is longer than any list of names.
    """
    named = _MAP_NAME.fullmatch(path.name)
    if named is None and path.name not in ("kallsyms", "kallsyms.zst"):
        return None
    if not path.is_file():
        return None
    text = _content(path)
    return read_kallsyms(text) if named is None else read_perf_map(text, int(named[1]))


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        if path.suffix == ".zst":
            with zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(file) as stream:
                text = stream.read(MAX_BYTES + 1)
        else:
            text = file.read(MAX_BYTES + 1)
    if len(text) > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES >> 20} MiB")
    return text


def _lines(text: bytes) -> pl.DataFrame:
    try:
        decoded = text.decode("ascii")
    except UnicodeDecodeError:
        decoded = decode_name(text)
    return pl.DataFrame({"line": pl.Series([decoded], dtype=pl.String).str.split("\n").explode()})


def _hex(column: str) -> pl.Expr:
    # the upper half apart: signed 64-bit parsing would refuse kernel addresses
    padded = pl.col(column).str.zfill(16)
    upper = padded.str.slice(0, 8).str.to_integer(base=16, dtype=pl.UInt64)
    return upper * (1 << 32) + padded.str.slice(8, 8).str.to_integer(base=16, dtype=pl.UInt64)
