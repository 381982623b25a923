"""Numbers go by first appearance, and stay."""

from __future__ import annotations

import numpy as np

from cowtrace.attribution.numbering import Numbering


def test_by_first_appearance_across_batches() -> None:
    numbering = Numbering()
    numbers, fresh = numbering.number(np.array([7, -1, 7, 0, -1]))
    assert (numbers.tolist(), fresh.tolist()) == ([0, 1, 0, 2, 1], [0, 1, 3])
    numbers, fresh = numbering.number(np.array([0, 5, 7, 5, -9]))
    assert (numbers.tolist(), fresh.tolist()) == ([2, 3, 0, 3, 4], [1, 4])


def test_nothing() -> None:
    numbers, fresh = Numbering().number(np.empty(0, np.int64))
    assert (numbers.tolist(), fresh.tolist()) == ([], [])


def test_more_values_than_places() -> None:
    """As a dictionary does it, for 200,000 values in a table of 65,536 places."""
    rng = np.random.default_rng(3)
    numbering, known = Numbering(), {}
    for _ in range(3):
        values = rng.integers(-(1 << 63), 1 << 63, 200_000)[rng.integers(0, 200_000, 300_000)]
        values[::3] = rng.integers(0, 50, len(values[::3]))
        expected = [known.setdefault(value, len(known)) for value in values.tolist()]
        numbers, fresh = numbering.number(values)
        assert numbers.tolist() == expected
        assert [expected[place] for place in fresh.tolist()] == list(range(len(known) - len(fresh), len(known)))
