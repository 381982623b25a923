"""Names of tasks over time, hand-checked."""

from __future__ import annotations

from pathlib import Path

from cowtrace.parsers.perfdata import open_perfdata
from cowtrace.parsers.perfdata.comms import CommTable
from tests.support.perf_bytes import Event, comm, perf_file, record, task, write

EVENT = Event("ip tid time")
UNTIMED = Event("ip tid")


def _names(path: Path) -> list[bytes]:
    recording = open_perfdata(path)
    table = CommTable(recording.side_band())
    result = []
    for batch in recording.batches():
        codes, names = table.lookup(batch)
        result += [names[code] for code in codes]
    return result


def _sample(tid: int, time: int) -> bytes:
    return EVENT.sample(tid=(tid, tid), time=time)


def _end(tid: int, time: int) -> bytes:
    return EVENT.sample_id(tid=(tid, tid), time=time)


def _fork(tid: int, parent: int, time: int) -> bytes:
    return task(7, (tid, tid), (parent, parent), time, _end(tid, time))


def test_comm_sets_fork_inherits_exit_changes_nothing(tmp_path: Path) -> None:
    records = [
        comm(10, 10, b"shell", _end(10, 0)),  # made up at the start: holds from the start
        _sample(10, 1),
        _fork(11, 10, 5),
        _sample(11, 6),
        comm(11, 11, b"child", _end(11, 7)),
        _sample(11, 8),
        _fork(12, 11, 9),  # a grandchild gets the name that the child has then
        comm(11, 11, b"renamed", _end(11, 10)),
        _sample(12, 11),
        _sample(11, 12),
        task(4, (11, 11), (10, 10), 13, _end(11, 13)),
        _sample(11, 14),
        _fork(11, 10, 15),  # the number is used again
        _sample(11, 16),
    ]
    path = write(tmp_path, perf_file([EVENT], records))
    assert _names(path) == [b"shell", b"shell", b"child", b"child", b"renamed", b"renamed", b"shell"]


def test_tasks_without_a_name(tmp_path: Path) -> None:
    records = [_fork(21, 20, 2), _fork(22, 0, 2), *(_sample(tid, 5) for tid in (0, 20, 21, 22, -1, 5_000_000, 20))]
    path = write(tmp_path, perf_file([EVENT], records))
    # A fork of an unknown parent leaves the child unknown; the idle task's child starts as swapper.
    assert _names(path) == [b"swapper", b":20", b":21", b"swapper", b":-1", b":5000000", b":20"]


def test_the_order_of_records_of_one_moment(tmp_path: Path) -> None:
    records = [comm(5, 5, b"a", _end(5, 10)), _fork(6, 5, 10), comm(5, 5, b"b", _end(5, 10)), _sample(6, 11), _sample(5, 11)]
    assert _names(write(tmp_path, perf_file([EVENT], records))) == [b"a", b"b"]


def test_a_name_from_the_end_counts_only_where_nothing_else_is_known(tmp_path: Path) -> None:
    records = [
        _sample(5, 10),
        _sample(6, 10),
        comm(6, 6, b"later", _end(6, 20)),
        _sample(6, 30),
        comm(5, 5, b"daemon", _end(5, 0)),  # perf record --tail-synthesize
        comm(6, 6, b"later", _end(6, 0)),
    ]
    assert _names(write(tmp_path, perf_file([EVENT], records))) == [b"daemon", b":6", b"later"]


def test_without_times_the_position_in_the_file_decides(tmp_path: Path) -> None:
    def sample() -> bytes:
        return UNTIMED.sample(tid=(5, 5))

    end = UNTIMED.sample_id(tid=(5, 5))
    records = [sample(), comm(5, 5, b"one", end), sample(), record(68), comm(5, 5, b"two", end), sample()]
    assert _names(write(tmp_path, perf_file([UNTIMED], records))) == [b":5", b"one", b"two"]


def test_samples_without_a_task(tmp_path: Path) -> None:
    event = Event("ip time")
    assert _names(write(tmp_path, perf_file([event], [event.sample(time=1), event.sample(time=2)]))) == [b":-1", b":-1"]


def test_long_chains_of_forks(tmp_path: Path) -> None:
    records = [comm(100, 100, b"root", _end(100, 0))]
    records += [_fork(101 + number, 100 + number, 10 + number) for number in range(1000)]
    records += [_sample(1100, 5000), EVENT.sample(tid=(1, 1), time=1)]
    assert _names(write(tmp_path, perf_file([EVENT], records))) == [b":1", b"root"]
