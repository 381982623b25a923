"""Rows by thread, in their order within each."""

from __future__ import annotations

import numpy as np
import pytest

from cowtrace.attribution.pairing import thread_order


@pytest.mark.parametrize("stretch", [1, 3, 500])
@pytest.mark.parametrize("threads", [1, 40, 70_000])
def test_is_a_stable_sort(stretch: int, threads: int) -> None:
    tid = np.repeat(np.random.default_rng(1).integers(-1, threads, 100_000 // stretch + 1), stretch).astype(np.int32)
    assert thread_order(tid).tolist() == np.argsort(tid, kind="stable").tolist()


def test_nothing() -> None:
    assert thread_order(np.empty(0, np.int32)).tolist() == []
