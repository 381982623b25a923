"""One recording with a tracefs of files: what is written to the instance, what trace.dat holds, that nothing is left."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from cowtrace.errors import HostError
from cowtrace.recording.collector import Scene
from cowtrace.recording.ftrace.collector import Ftrace
from cowtrace.recording.ftrace.setup import make_setup
from tests.support.fake_tracefs import FakeTracefs, not_permitted
from tests.support.ringbuffer import FAULT, Page, pages
from tests.support.tracedat import opened

TID = 12


def fault(address: int, code: int) -> bytes:
    return FAULT.payload(TID, address=address, ip=0x401000, error_code=code)


#: Ten pages and more, so that the compressed pages are of two pieces; the last one has lost three events.
BUSY = pages(*(Page(1000 * number).data(5, fault(0x7000 + number, 6)) for number in range(11)))
BUFFERS = {0: BUSY, 1: pages(Page(2001, lost=3).data(1, fault(0x9000, 7)))}


def record(fake: FakeTracefs, folder: Path, *, level: str = "low", pids: tuple[int, ...] = (), is_command: bool = True) -> Ftrace:
    """A recording of nothing: the buffers hold already what it finds."""
    folder.mkdir()
    setup = make_setup(fake.host, level, system_wide=not pids)
    ftrace = Ftrace(fake.host, setup, make_instance=fake.instance)
    try:
        ftrace.start(Scene(folder, pids, is_command))
        ftrace.tick(0.0)
        ftrace.cease()
        ftrace.stop()
    finally:
        ftrace.close()
    return ftrace


def test_the_file_holds_every_event_and_what_is_known_of_them(tmp_path: Path) -> None:
    fake = FakeTracefs(tmp_path / "host", formats=[FAULT], buffers=BUFFERS, lost=3)
    record(fake, tmp_path / "rec", is_command=False)
    assert [path.name for path in (tmp_path / "rec").iterdir()] == ["trace.dat"]
    recording = opened(tmp_path / "again.dat", (tmp_path / "rec/trace.dat").read_bytes())
    side = recording.side_band()
    found = [
        (int(ts), int(cpu), hex(address))
        for batch in recording.batches()
        for ts, cpu, address in zip(batch.columns["ts_ns"], batch.columns["cpu"], batch.field(int(batch.event[0]), "address"), strict=True)
    ]
    on_cpu_0 = [(1000 * number + 5, 0, hex(0x7000 + number)) for number in range(11)]
    assert found == [*on_cpu_0[:2], (2002, 1, "0x9000"), *on_cpu_0[2:]]
    assert side.comm.select("tid", "comm").rows() == [(TID, b"worker")]
    assert side.lost.select("ts_ns", "cpu", "reason", "lost_events").rows() == [(2002, 1, "lost", 3), (-1, 0, "lost", 3)]
    info = recording.info
    assert (info.clock, info.kernel_release, info.arch, info.cpu_count) == ("mono", "6.18.0-test", "x86_64", 2)
    assert info.hostname == os.uname().nodename
    assert info.recorder == "cowtrace 0.1.0"
    assert (info.features["compression"], info.notes) == ("zstd", [])
    assert recording.text("kallsyms") == b"ffffffff81000000 T do_wp_page\n"
    assert recording.text("printk_formats") == b'0xffffffff82000000 : "hello"\n'


def test_the_instance_follows_a_command_and_is_removed(tmp_path: Path) -> None:
    fake = FakeTracefs(tmp_path / "host", formats=[FAULT], buffers=BUFFERS)
    for tid in (812, 815):
        (tmp_path / f"host/proc/812/task/{tid}").mkdir(parents=True)
        (tmp_path / f"host/proc/812/task/{tid}/comm").write_text(f"thread{tid}\n")
    ftrace = record(fake, tmp_path / "rec", pids=(812,), is_command=False)
    assert ftrace.notes == []
    assert list((fake.tracefs / "instances").iterdir()) == []
    (name,) = fake.removed
    assert re.fullmatch(rf"cowtrace-{os.getpid()}-\d+", name)
    assert fake.written("set_event_pid") == "812 815\n"
    assert (fake.written("trace_clock"), fake.written("options/event-fork"), fake.written("tracing_on")) == ("mono", "1", "0")
    assert fake.written("buffer_size_kb") == "32768"
    enabled = sorted(name.removesuffix("/enable") for name, text in fake.removed[name].items() if name.endswith("/enable") and text == "1")
    assert enabled == [
        "events/exceptions/page_fault_kernel",
        "events/exceptions/page_fault_user",
        "events/sched/sched_process_exec",
        "events/sched/sched_process_exit",
        "events/sched/sched_process_fork",
        "events/task/task_newtask",
        "events/task/task_rename",
    ]
    assert ftrace.facts()["ftrace"]["lost_events"] == 0
    recording = opened(tmp_path / "again.dat", (tmp_path / "rec/trace.dat").read_bytes())
    recording.side_band()
    # threads from before the recording are known by /proc
    assert recording._meta.options.tgids == {812: 812, 815: 812}
    assert recording._meta.cmdlines == b"7 sshd\n12 worker\n812 thread812\n815 thread815\n"


def test_losses_are_told(tmp_path: Path) -> None:
    ftrace = record(FakeTracefs(tmp_path / "host", buffers=BUFFERS, lost=3), tmp_path / "rec")
    assert ftrace.notes == ["ftrace: LOST 6 events: record with a larger --ftrace-buffer or a lower --level"]


GRAPHED = ["do_wp_page", "wp_page_copy.isra.0", "schedule", "ovl_copy_up_one [overlay]", "handle_mm_fault", "vfs_read"]


def test_function_graph_is_bound_to_the_deciding_functions_and_the_processes(tmp_path: Path) -> None:
    fake = FakeTracefs(tmp_path / "host", buffers=BUFFERS, functions=GRAPHED)
    (tmp_path / "host/proc/812/task/812").mkdir(parents=True)
    ftrace = record(fake, tmp_path / "rec", pids=(812,))
    assert fake.written("set_ftrace_filter") == "do_wp_page\nwp_page_copy.isra.0\novl_copy_up_one\nhandle_mm_fault\n"
    assert (fake.written("set_ftrace_pid"), fake.written("options/function-fork")) == ("812\n", "1")
    assert ftrace.facts()["ftrace"]["functions"] == ["do_wp_page", "wp_page_copy.isra.0", "ovl_copy_up_one", "handle_mm_fault"]
    # set while recording; back to nop before the instance goes
    assert fake.written("current_tracer") == "nop"


def test_without_a_function_to_filter_by_there_is_no_function_graph(tmp_path: Path) -> None:
    """An empty filter would record every function of the kernel."""
    fake = FakeTracefs(tmp_path / "host", buffers=BUFFERS, functions=["schedule"])
    ftrace = record(fake, tmp_path / "rec")
    assert ftrace.facts()["ftrace"]["functions"] == []
    assert ftrace.notes == ["ftrace: function_graph is left out: none of the deciding functions can be traced on this kernel"]
    assert fake.written("set_ftrace_filter") == ""


def test_kernels_whose_instances_have_no_function_graph(tmp_path: Path) -> None:
    ftrace = record(FakeTracefs(tmp_path / "host", functions=GRAPHED, graph_in_instances=False), tmp_path / "rec")
    assert ftrace.notes == [
        "ftrace: this kernel offers function_graph in its top buffer only (instances have it since 6.12), which belongs to others: "
        "record it beside with `trace-cmd record -p function_graph -C mono` and ingest both"
    ]


def test_an_instance_that_is_refused(tmp_path: Path) -> None:
    fake = FakeTracefs(tmp_path / "host")
    fake.refuse = not_permitted
    with pytest.raises(
        HostError, match=r"instances/cowtrace-\S+ can't be made: Operation not permitted( \(kernel lockdown .*\))?; run as root$"
    ):
        record(fake, tmp_path / "rec")
    assert list((fake.tracefs / "instances").iterdir()) == []


def test_a_failure_on_the_way_leaves_no_instance(tmp_path: Path) -> None:
    fake = FakeTracefs(tmp_path / "host", buffers=BUFFERS)
    setup = make_setup(fake.host, "low")
    ftrace = Ftrace(fake.host, setup, make_instance=fake.instance)
    with pytest.raises(FileNotFoundError):
        ftrace.start(Scene(tmp_path / "missing", (), False))
    ftrace.close()
    assert (len(fake.removed), list((fake.tracefs / "instances").iterdir())) == (1, [])
    ftrace.close()  # again: nothing happens


def test_an_instance_left_behind_is_told(tmp_path: Path) -> None:
    fake = FakeTracefs(tmp_path / "host")
    left = fake.tracefs / "instances" / "cowtrace-999999999-5"
    left.mkdir()
    ftrace = record(fake, tmp_path / "rec")
    assert ftrace.notes == [f"ftrace: cowtrace-999999999-5, left behind by a recorder that was killed, still records: `sudo rmdir {left}`"]
    assert left.is_dir()


def test_the_size_limit_ends_the_recording(tmp_path: Path) -> None:
    fake = FakeTracefs(tmp_path / "host", buffers=BUFFERS)
    ftrace = Ftrace(fake.host, make_setup(fake.host, "low", system_wide=True), limit_bytes=0, make_instance=fake.instance)
    ftrace.start(Scene(tmp_path, (), False))
    assert ftrace.stop_reason is None
    ftrace.tick(0.0)
    ftrace.close()
    assert ftrace.stop_reason == "size limit"
