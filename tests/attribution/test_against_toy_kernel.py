"""The vectorised replay agrees with the plain page-by-page kernel on random histories of forks, writes and exits."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cowtrace.attribution.engine import Engine
from tests.support.kernel import ToyKernel
from tests.support.recording import FakeRecording, software, tracepoint

EVENTS = [software(0, "page-faults"), software(1, "minor-faults"), tracepoint(2, "exceptions:page_fault_user", "error_code", "address")]


def replayed_kinds(kernel: ToyKernel, batch_lines: int) -> list[str]:
    recording = FakeRecording(EVENTS, kernel.lines, kernel.side, batch_lines)
    engine = Engine(recording.info, recording.events, recording.side_band())
    parts = [engine.feed(engine.decode(batch)) for batch in recording.batches()]
    parts.append(engine.feed(None))
    rows = [
        (ts, engine.verdicts.rows[v].kind)
        for part in parts
        if part is not None
        for ts, v in zip(part.seen.ts_ns, part.verdict, strict=True)
    ]
    return [kind for _, kind in sorted(rows)]


def random_history(seed: int, steps: int) -> ToyKernel:
    choice = random.Random(seed)
    kernel = ToyKernel()
    kernel.start()
    for _ in range(steps):
        if not kernel.tasks:
            kernel.start()
        pid = choice.choice(sorted(kernel.tasks))
        action = choice.random()
        if action < 0.12 and len(kernel.tasks) < 12:
            kernel.fork(pid)
        elif action < 0.2 and len(kernel.tasks) > 1:
            kernel.exit(pid)
        else:
            kernel.write(pid, choice.randrange(6))
    return kernel


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), steps=st.integers(1, 120), batch_lines=st.sampled_from([1, 2, 3, 7, 50, 10_000]))
def test_random_histories(seed: int, steps: int, batch_lines: int) -> None:
    kernel = random_history(seed, steps)
    assert replayed_kinds(kernel, batch_lines) == kernel.truth


@pytest.mark.parametrize("batch_lines", [1, 10_000])
def test_worked_example(batch_lines: int) -> None:
    """Parent writes A and B, forks; child copies A, exits; parent: A was left to it alone (reuse), B too (reuse)."""
    kernel = ToyKernel()
    parent = kernel.start()
    kernel.write(parent, 0)
    kernel.write(parent, 1)
    child = kernel.fork(parent)
    kernel.write(child, 0)
    kernel.exit(child)
    kernel.write(parent, 0)
    kernel.write(parent, 1)
    assert kernel.truth == ["anon_zero", "anon_zero", "cow_copy", "cow_reuse", "cow_reuse"]
    assert replayed_kinds(kernel, batch_lines) == kernel.truth
