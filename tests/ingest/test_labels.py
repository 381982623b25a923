"""Labels: of many names, a batch keeps those it uses."""

from __future__ import annotations

import numpy as np
import pytest

from cowtrace.ingest.fault_rows import labels, text_labels


@pytest.mark.parametrize("count", [3, 1000])
def test_codes_to_names(count: int) -> None:
    names = [f"name {number}" for number in range(count)]
    made = labels(np.array([2, -1, 0, 2, count - 1], np.int64), names)
    assert made.to_pylist() == ["name 2", None, "name 0", "name 2", f"name {count - 1}"]
    assert len(made.dictionary) == 3


def test_texts() -> None:
    made = text_labels(["b", None, "a", "b"])
    assert (made.to_pylist(), made.dictionary.to_pylist()) == (["b", None, "a", "b"], ["b", "a"])
