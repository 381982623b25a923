"""Reading many lines at once gives the same samples as line by line, for any block, any fields and any damage."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from cowtrace.errors import InputError
from cowtrace.parsers.ftracetext.blocks import Block
from cowtrace.parsers.ftracetext.pieces import Piece
from cowtrace.parsers.perfscript import open_perfscript
from cowtrace.parsers.perfscript.fast.block import BlockReader
from tests.support.ftracetext import DATA

TEXTS = DATA.parent / "perfscript"
MIXED = b"""\
         kid one   9/12 [001]  1704.436147:          1 page-faults:u:      7f52b5265640 _start+0x0 (/tmp/ctv (deleted)/cow load)
         cowload     9 [001]  1704.436147:          1 page-faults:  ffffffff8175336a elf_load+0x28a ([kernel.kallsyms])
          cowlab   604/604      1704.436147:  page-faults:     4e0350 [unknown] ffffffff822a02c0 rep_stos_alternative
          cowlab   604/604      1704.436148:  page-faults:     4e0350 a+0x1 (/x y) ffffffff822a02c0 rep_stos_alternative+0x2 ([k])
    a [1] 2/3: x   604/604      1704.436147: page-faults:           4e0350        822a02c0
         cowload    :13  1704.436147:  page-faults:
         cowload     9  1704.436147123:                page-faults: \n
         cowload     9 [001]  1704.436150: kmem:mm_page_alloc: page=0x1a3 pfn=0x1a3 order=9 migratetype=1 gfp_flags=GFP_KERNEL|__GFP_ZERO
         cowload     9 [001]  1704.436151:  cow:hmf_ret: (ffffffff812d2af0 <- ffffffff812c50aa) ret=0x200
         cowload     9 [001]  1704.436152: exceptions:page_fault_kernel: address=0x7fbb ip=clear_user_erms error_code=0x14
         cowload     9 [001]  1704.436153: exceptions:page_fault_user: address=0x7fbb ip=0x7fba error_code=0x14
         cowload     9 [001]  1704.436154: PERF_RECORD_FORK(12:12):(9:9)
         cowload    12 [000]  1704.436155: sched:sched_process_exec: filename=/bin/a b pid=12 old_pid=12
         cowload    12 [000]  1704.436156: PERF_RECORD_COMM exec: other:12/12
           other    12 [000]  1704.436157:          7 page-faults:                0 nothing
"""


def line_by_line(self: BlockReader, block: Block) -> Piece | None:
    """Instead of ``BlockReader.read``."""
    return self._reader.read(block)


def told(path: Path, **sizes: int) -> tuple[Any, ...]:
    """Everything that a text says; the names of its addresses without those of damaged text, where the first that was read counts."""
    try:
        recording = open_perfscript(path, **sizes)
    except InputError as error:
        return (str(error),)
    side, rows = recording.side_band(), []
    for batch in recording.batches():
        columns = {name: values.tolist() for name, values in batch.columns.items()}
        offsets, ips = batch.chains()
        fields: dict[int, list[Any]] = {}
        for desc in recording.events:
            for field in (field for field in desc.fields if field.offset >= 16 and not field.name.startswith("__probe")):
                for row, value in zip(batch.rows(desc.index).tolist(), batch.field_values(desc.index, field.name), strict=True):
                    fields.setdefault(row, []).append((field.name, value))
        for row, number in enumerate(batch.event.tolist()):
            desc = recording.events[number]
            own = [columns[name][row] for name in columns]
            chain = ips[offsets[row] : offsets[row + 1]].tolist()
            rows.append((desc.name, desc.columns, desc.period, desc.has_callchain, own, chain, fields.get(row)))
    tables = [table.rows() for table in (side.comm, side.fork, side.exit, side.lost, side.mmap)]
    return rows, tables, [(note.text, note.count) for note in recording.info.notes], sorted(recording._reader.symbols)


def compare(path: Path, data: bytes, **sizes: int) -> None:
    """Both ways to read a text."""
    (path / "script.txt").write_bytes(data)
    found = told(path / "script.txt", **sizes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BlockReader, "read", line_by_line)
        assert told(path / "script.txt") == found


def texts() -> list[bytes]:
    """Chains, records of the side band, and a bit of everything."""
    sideband = zstandard.ZstdDecompressor().decompressobj().decompress((TEXTS / "sideband.txt.zst").read_bytes())
    return [(TEXTS / "chains.txt").read_bytes() * 3, sideband, MIXED * 20]


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("sizes", [{}, {"text_bytes": 3_000}, {"text_bytes": 700, "block_bytes": 1 << 14}])
def test_as_line_by_line(number: int, sizes: dict[str, int], tmp_path: Path) -> None:
    compare(tmp_path, texts()[number], **sizes)


@pytest.mark.parametrize("seed", range(24))
def test_as_line_by_line_when_damaged(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    data = bytearray(texts()[seed % 3][:20_000])
    odd = (
        b"",
        b"\n",
        b" ",
        b"\t",
        b"-",
        b"\0",
        b"[",
        b":",
        b"=",
        b"(",
        b") ",
        b"99999999999",
        b"abc ",
        b"\n\n",
        b" 12/13 ",
        rng.randbytes(1),
    )
    for _ in range(rng.choice((10, 60))):
        at = rng.randrange(len(data))
        data[at : at + rng.choice((0, 1, 7))] = rng.choice(odd)
    compare(tmp_path, bytes(data))


COMMS = st.sampled_from(["a", "a b", "a 12 b", "th read:0", "x (y) [z]", "15charcomm_name", ":13", "-1", "K"])
WORDS = st.sampled_from(["4e0350", "ffffffff822a02c0", "abc", "12", "add+0x1", "[unknown]", "(/a b)", "f()", "(x)", "x=1", "a,b", "0" * 17])


@settings(max_examples=150, deadline=None)
@given(
    comms=st.lists(COMMS, min_size=2, max_size=4),
    heads=st.sampled_from(["{c:>16} {t:>5} [001] {s}", "{c} {t:>5} {s}", "{c:>16}  {t}/{t:<5} {s}", "{c} {t} [000] ", "{c:>16} {t} K {s}"]),
    event=st.sampled_from(["page-faults:", "1 page-faults:u:", "100 a:b:", "a:b::", "x"]),
    rest=st.lists(st.tuples(st.sampled_from([" ", "  "]), WORDS), max_size=5),
)  # fmt: skip
def test_any_layout(tmp_path_factory: Any, comms: list[str], heads: str, event: str, rest: list[tuple[str, str]]) -> None:
    lines = [heads.format(c=comm, t=700 + n, s=f"{10 + n}.000001: ") + event + "".join(map("".join, rest)) for n, comm in enumerate(comms)]
    chain = "\n\tffffffff819f6a9a clear_user_erms+0xa ([kernel.kallsyms])\n\t    7ffff7c93ad7 [unknown] ([unknown])\n\n"
    compare(tmp_path_factory.getbasetemp(), ("\n".join(lines) + "\n" + chain.join(lines) + chain).encode())
