"""Frames of private file pages: the page cache's own, or a private copy."""

from __future__ import annotations

import numpy as np

from cowtrace.attribution.pagecache import _in_two_spaces


def test_a_frame_that_two_living_processes_map_is_the_page_cache() -> None:
    pair, space, ts, end = (np.array(column) for column in ([7, 7, 8], [0, 1, 1], [10, 20, 30], [99, 99, 99]))
    assert _in_two_spaces(pair, space, ts, end).tolist() == [7]


def test_a_frame_that_came_back_after_its_first_owner_ended_proves_nothing() -> None:
    pair, space, ts, end = (np.array(column) for column in ([7, 7], [0, 1], [10, 20], [15, 99]))
    assert _in_two_spaces(pair, space, ts, end).tolist() == []


def test_two_faults_of_one_process_prove_nothing() -> None:
    pair, space, ts, end = (np.array(column) for column in ([7, 7], [0, 0], [10, 20], [99, 99]))
    assert _in_two_spaces(pair, space, ts, end).tolist() == []
