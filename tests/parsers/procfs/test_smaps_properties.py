"""What a builder writes is what the reader gives, in pieces of any size, damaged or not."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cowtrace.parsers.procfs.fields import column_of
from cowtrace.schema.smaps import SMAPS_FIELDS
from cowtrace.text import decode_name
from tests.support.proc_text import DATA, mapping, read_smaps

U64 = st.integers(0, 2**64 - 1)
NEW_NAMES = ("Zswap_Foo", "Pss_Later", "HugeThing1G", "A", "X" * 64)
NAMES = [field.name for field in SMAPS_FIELDS if field.is_kb] + list(NEW_NAMES)
FLAGS = st.lists(st.sampled_from(["rd", "wr", "mr", "dc", "??", "\N{GREEK SMALL LETTER ALPHA}x"]), max_size=6)
PATHS = st.one_of(st.just(b""), st.binary(max_size=40).map(lambda raw: b"/" + raw.replace(b"\n", rb"\012").replace(b"\r", b"")))


@st.composite
def mappings(draw: st.DrawFn) -> list[tuple[bytes, dict[str, Any]]]:
    """One walk: texts of mappings with the rows that they should give, all with the same fields."""
    borders = sorted(draw(st.sets(U64, min_size=2, max_size=12)))
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=8))
    has_flags = draw(st.booleans())
    walk = []
    for start, end in zip(borders[::2], borders[1::2], strict=False):
        pgoff, inode, path = draw(U64), draw(U64), draw(PATHS)
        major, minor = draw(st.integers(0, 2**32 - 1)), draw(st.integers(0, 2**32 - 1))
        perms = "".join(draw(st.sampled_from(pair)) for pair in ("r-", "w-", "x-", "sp"))
        head = f"{start:08x}-{end:08x} {perms} {pgoff:08x} {major:02x}:{minor:02x} {inode} ".encode()
        values = [draw(st.integers(0, 2**63 - 1)) for _ in names]
        lines = [head.ljust(draw(st.sampled_from([0, 73]))) + path]
        lines += [f"{name}:{value:>{draw(st.integers(1, 30))}} kB".encode() for name, value in zip(names, values, strict=True)]
        flags = draw(FLAGS)
        if has_flags:
            lines.append(b"VmFlags: " + "".join(flag + " " for flag in flags).encode())
        row = {"start_addr": start, "end_addr": end, "perms": perms, "pgoff": pgoff, "inode": inode, "dev": f"{major:02x}:{minor:02x}"}
        row |= {"path": decode_name(path)} if path else {}
        row |= {"vm_flags": " ".join(flags)} if has_flags else {}
        row |= {str(column_of(name.encode(), True)): value for name, value in zip(names, values, strict=True)}
        walk.append((b"".join(line + b"\n" for line in lines), row))
    return walk


@given(st.lists(mappings(), min_size=1, max_size=4), st.sampled_from([5, 64, 1000, 1 << 21]), st.data())
@settings(max_examples=150, deadline=None)
def test_builder_and_reader_agree(walks: list[list[tuple[bytes, dict[str, Any]]]], block_bytes: int, data: st.DataObject) -> None:
    text, rows = b"", []
    for number, walk in enumerate(walks):
        wall_ns = data.draw(st.integers(10**18, 2**63 - 1))
        text += f"# time {wall_ns} pid {number + 1}\n".encode()
        for lines, row in walk:
            text += lines
            rows.append({"ts_ns": wall_ns, "tgid": number + 1, "snapshot_id": number, "form": "smaps", **row})
    with tempfile.TemporaryDirectory() as folder:
        read, info = read_smaps(Path(folder) / "s", text, block_bytes=block_bytes)
    assert (read, info.records_damaged, info.notes) == (rows, 0, [])


@given(st.data(), st.sampled_from([29, 700, 5000]))
@settings(max_examples=60, deadline=None)
def test_pieces_of_any_size_give_the_same(data: st.DataObject, block_bytes: int) -> None:
    """Also for damaged text: what belongs to what never hangs on where a block ended."""
    text = bytearray((DATA / "kinds-smaps.txt").read_bytes()[:4000])
    for _ in range(data.draw(st.integers(0, 12))):
        at = data.draw(st.integers(0, len(text)))
        insert = data.draw(
            st.sampled_from([b"", b"\n", b"x", b"0", b":", b"\0", b"# time 1700000000\n", b"Rss: 3 kB\n", bytes(text[at : at + 99])])
        )
        text[at : at + data.draw(st.integers(0, 50))] = insert
    text += mapping("ff00-ff01 r--p 00000000 00:00 0 ", Rss=1)
    with tempfile.TemporaryDirectory() as folder:
        whole, info = read_smaps(Path(folder) / "s", bytes(text))
        pieces, other = read_smaps(Path(folder) / "s", block_bytes=block_bytes)
    assert (pieces, other) == (whole, info)
