"""A mapping that mremap moved keeps its identity."""

from __future__ import annotations

import numpy as np

from cowtrace.attribution.history import History
from cowtrace.attribution.mappings import Mappings
from cowtrace.attribution.moves import Moves
from tests.support.side import side_band


def test_moved_mapping_answers_at_its_new_place_from_then_on() -> None:
    band = side_band("- comm 10 a", "50 mmap 10 1000-5000 rw-p //anon", "200 fork 20<-10")
    mappings = Mappings(History(band), band.mmap)
    mappings.move(Moves(*(np.array([value]) for value in (10, 100, 0x1000, 0x90000, 0x4000))))
    mm, addr, ts = np.array([0, 0, 0, 1]), np.array([0x91000, 0x91000, 0x94000, 0x92000]), np.array([99, 101, 101, 210])
    assert mappings.find(mm, addr, ts).tolist() == [-1, 0, -1, 0]


def test_move_of_an_unknown_mapping_stays_unknown() -> None:
    band = side_band("- comm 10 a", "50 mmap 10 1000-5000 rw-p //anon")
    mappings = Mappings(History(band), band.mmap)
    mappings.move(Moves(*(np.array([value]) for value in (10, 100, 0x700000, 0x90000, 0x4000))))
    assert mappings.find(np.array([0]), np.array([0x90000]), np.array([101])).tolist() == [-1]
