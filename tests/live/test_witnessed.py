"""Truth by witness: real workloads under two perf sessions, cowtrace's and one read from ``perf script`` text."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support import knobs, live, witnessed

pytestmark = [pytest.mark.live, pytest.mark.skipif(live.unavailable() is not None, reason=str(live.unavailable()))]


@pytest.mark.parametrize(
    ("workload", "options", "thp"),
    [
        ("redis_bgsave", (), "madvise"),
        ("redis_bgsave", ("--thp",), "always"),
        ("apache_prefork", (), "madvise"),
        ("python_workers", (), "madvise"),
        ("compile_c", (), "madvise"),
        ("fork_storm", (), "madvise"),
    ],
)
def test_real_workloads_agree_with_the_witness(workload: str, options: tuple[str, ...], thp: str, tmp_path: Path) -> None:
    """Copies, zero fills, huge fills and reuses of every process within half a percent."""
    if reason := witnessed.missing(workload):
        pytest.skip(reason)
    with ExitStack() as stack:
        stack.enter_context(knobs.one_at_a_time())
        stack.enter_context(knobs.huge_pages(thp))
        rows = witnessed.run("standard", workload, tmp_path, *options)
    assert [row for row in rows if not row.agrees] == []
    assert sum(row.witness for row in rows) > 2000  # the workload did run under the witness
