"""Lives, forks and names from a side band that can be read at a glance."""

from __future__ import annotations

import numpy as np

from cowtrace.attribution.asof import ALWAYS
from cowtrace.attribution.history import HOW, NEVER, History
from tests.support.side import side_band


def array(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def test_fork_exec_exit_make_lives() -> None:
    history = History(side_band("- comm 10 bash", "100 fork 20<-10", "150 exec 20 ls", "200 exit 20"))
    lives = history.lives
    rows = list(
        zip(
            lives.tgid.tolist(),
            [HOW[h] for h in lives.how],
            lives.start_ns.tolist(),
            lives.end_ns.tolist(),
            lives.parent.tolist(),
            strict=True,
        )
    )
    assert rows == [
        (10, "seen", ALWAYS, NEVER, -1),
        (20, "fork", 100, 150, 0),
        (20, "exec", 150, 200, 1),
    ]
    assert lives.execed.tolist() == [False, True, False]


def test_life_at_a_time() -> None:
    history = History(side_band("- comm 10 bash", "100 fork 20<-10", "150 exec 20 ls", "200 exit 20"))
    assert history.life_at(array(20, 20, 20, 10, 99), array(99, 100, 150, 5, 5)).tolist() == [-1, 1, 2, 0, -1]


def test_names_follow_threads_through_fork_and_rename() -> None:
    history = History(side_band("- comm 10 bash", "100 fork 20<-10", "150 comm 20 worker", "160 fork 21@20<-20", "170 comm 21@20 io"))
    ts = array(90, 120, 155, 165, 175)
    # thread order: tid 20 has rows 1, 2; tid 21 has rows 3, 4; tid 10 has row 0
    comm, mm = history.fill_tasks(array(10, 20, 20, 21, 21), array(0, 1, 2, 3, 4), ts)
    assert [history.comm_names[code] for code in comm] == ["bash", "bash", "worker", "worker", "io"]
    assert mm.tolist() == [0, 1, 1, 1, 1]


def test_threads_that_only_samples_mention_get_a_name_and_a_life() -> None:
    history = History(side_band("- comm 10 bash"))
    history.ensure(array(0, 77), array(0, 70))
    comm, mm = history.fill_tasks(array(0, 77), array(0, 1), array(5, 6))
    assert [history.comm_names[code] for code in comm] == ["swapper", ":77"]
    assert history.lives.tgid[mm].tolist() == [0, 70]
    assert [HOW[history.lives.how[life]] for life in mm] == ["seen", "seen"]


def test_reused_tid_takes_the_new_parents_name() -> None:
    history = History(side_band("- comm 10 bash", "- comm 11 zsh", "100 fork 20<-10", "110 comm 20 old", "120 exit 20", "130 fork 20<-11"))
    comm, mm = history.fill_tasks(array(20, 20), array(0, 1), array(115, 140))
    assert [history.comm_names[code] for code in comm] == ["old", "zsh"]
    assert mm.tolist() == [2, 3]


def test_a_thread_that_nothing_names_is_shown_by_its_number() -> None:
    history = History(side_band("200 comm 10 late"))
    comm, _ = history.fill_tasks(array(10), array(0), array(100))
    assert comm.tolist() == [-1]
    codes = history.number_names(array(10, 11, 10))
    assert [history.comm_names[code] for code in codes] == [":10", ":11", ":10"]
    assert history.number_names(array(11)).tolist() == [codes[1]]
