"""munmap, madvise and mremap: which of them count, and what is kept of them."""

from __future__ import annotations

import numpy as np

from cowtrace.attribution import roles as R
from cowtrace.attribution.memory_calls import MADVISE, MREMAP, MUNMAP, MemoryCalls
from cowtrace.attribution.rows import ADVICE_BITS, Rows

MADV_DONTNEED, ENOMEM = 4, 12

# ts, tid, role, first, second
LINES = (
    (10, 7, R.MREMAP_ENTER, 0x7000, 0x3000),
    (11, 8, R.MUNMAP, 0x1000, 0x2000),
    (12, 7, R.MREMAP_EXIT, 0x9000, 0x9000),
    (13, 7, R.MADVISE, 0x9000, 0x1000 << ADVICE_BITS | MADV_DONTNEED),
    (14, 7, R.MREMAP_ENTER, 0x9000, 0x8000),
    (15, 7, R.MREMAP_EXIT, -ENOMEM, -ENOMEM),
    (16, 8, R.MREMAP_ENTER, 0x4000, 0x5000),
)


def test_an_mremap_counts_once_it_returned_without_error() -> None:
    ts, tid, role, first, second = (np.array(column) for column in zip(*LINES, strict=True))
    calls = MemoryCalls()
    calls.add(Rows(ts, tid, np.full(len(ts), 7), role, first, second))
    got = calls.rows()
    assert list(zip(got.ts_ns, got.call, got.addr, got.size_bytes, got.new_addr, got.advice, strict=True)) == [
        (10, MREMAP, 0x7000, 0x3000, 0x9000, -1),
        (11, MUNMAP, 0x1000, 0x2000, -1, -1),
        (13, MADVISE, 0x9000, 0x1000, -1, MADV_DONTNEED),
    ]


def test_a_recording_without_them_has_no_rows() -> None:
    assert len(MemoryCalls().rows().ts_ns) == 0
