"""The calibration from the first check to the profile: a few short recordings, and the settings as they were."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cowtrace import __version__
from cowtrace.calibration import workload
from cowtrace.calibration.fit import distribution, fit_forks
from cowtrace.calibration.profile import SCHEMA
from cowtrace.recording.held import held, put_back_left, signals_as_interrupts
from cowtrace.recording.host import Host
from cowtrace.recording.knobs import THP, Setting, current
from cowtrace.recording.runs import apart_from_results, record_once
from cowtrace.recording.settings import machine

#: Verdicts that are less sure than this price nothing.
LEAST_CONFIDENCE = 0.9

_TIMES = f"""
SELECT kind::VARCHAR, CASE WHEN kind = 'mthp_zero' THEN zeroed_bytes END, list(duration_ns ORDER BY duration_ns)
FROM fault WHERE duration_ns IS NOT NULL AND kind NOT IN ('unknown', 'failed', 'swap_in', 'numa_hint', 'spurious')
  AND NOT coalesce(is_major, false) AND confidence >= {LEAST_CONFIDENCE}
GROUP BY ALL ORDER BY ALL
"""
_FORKS = "SELECT child_tgid, duration_ns FROM fork WHERE duration_ns IS NOT NULL"


def calibrate(host: Host, level: str, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure this host. Takes some ten seconds.

    Args:
        host: This machine.
        level: Recording level; its own cost is inside the times, so it should be that of the recordings to be replayed.
        say: Takes progress lines.

    Returns:
        The profile (``cowtrace.profile/1``).

    Raises:
        HostError: perf can't record here, or a setting can't be written.
        KeyboardInterrupt: Interrupted; the settings are put back.
    """
    put_back_left(host, say)
    with tempfile.TemporaryDirectory(prefix="cowtrace-calibrate-") as name:
        folder = Path(name)
        log = folder / "forks"
        with signals_as_interrupts(), apart_from_results():
            recordings = [_run(host, level, folder, "all", ["all", name, str(log)], _huge_pages_on(host), say)]
            sizes = _mthp_sizes(host)
            for kib in sizes:
                settings = [_policy(size, "madvise" if size == kib else "never") for size in sizes]
                recordings.append(_run(host, level, folder, f"{kib} KiB", ["mthp", str(kib), str(log)], settings, say))
        times, forks = _read(recordings, log)
    return {
        "schema": SCHEMA,
        "cowtrace_version": __version__,
        "made_unix_s": int(time.time()),
        "host": machine(host)["nodename"],
        "cpu": machine(host)["cpu_model"],
        "hypervisor": machine(host)["hypervisor"],
        "kernel": host.release,
        "level": level,
        "defrag": current(host, f"{THP}/defrag"),
        "costs": {kind: distribution(found) for (kind, size_bytes), found in sorted(times.items()) if size_bytes == 0},
        "mthp_zero": {str(size_bytes): distribution(found) for (_, size_bytes), found in sorted(times.items()) if size_bytes},
        "fork": fit_forks(forks),
    }


def _run(
    host: Host, level: str, folder: Path, name: str, arguments: Sequence[str], settings: Sequence[Setting], say: Callable[[str], None]
) -> Path:
    path = folder / f"{name.replace(' ', '')}.rec"
    wanted = [setting for setting in settings if current(host, setting.path) != setting.value]
    if wanted:
        say(f"set {', '.join(f'/{one.path} to {one.value}' for one in wanted)} for a moment")
    with held(host, wanted, say):
        outcome = record_once([sys.executable, "-I", str(workload.__file__), *arguments], level, path, host, say)
    if outcome.exit_code:
        raise RuntimeError(f"the calibrating program failed ({' '.join(arguments)})")
    return path


def _huge_pages_on(host: Host) -> list[Setting]:
    """Huge pages for those that ask, where nobody gets them."""
    return [Setting(f"{THP}/enabled", "madvise")] if current(host, f"{THP}/enabled") == "never" else []


def _mthp_sizes(host: Host) -> list[int]:
    """Sizes in KiB that an anonymous fault may allocate: from four base pages (THP_ORDERS_ALL_ANON) to the huge page."""
    found = sorted(int(entry.name[10:-2]) for entry in host.path(THP).glob("hugepages-*kB"))
    return [kib for kib in found[:-1] if kib * 1024 >= 4 * host.page_size]


def _policy(kib: int, policy: str) -> Setting:
    return Setting(f"{THP}/hugepages-{kib}kB/enabled", policy)


def _read(recordings: Sequence[Path], log: Path) -> tuple[dict[tuple[str, int], list[int]], list[dict[str, int]]]:
    """Times by (kind, size of an mTHP or 0), and the timed forks of the log."""
    from cowtrace.ingest import ingest

    times: dict[tuple[str, int], list[int]] = {}
    sizes = {entry["child"]: entry for entry in map(json.loads, log.read_text().splitlines())}
    forks: list[dict[str, int]] = []
    for number, recording in enumerate(recordings):
        with ingest([recording], recording.with_suffix(""), quiet=True).connect() as db:
            for kind, size_bytes, found in db.execute(_TIMES).fetchall():
                # what surrounds the measured areas is in every recording and counts once
                if number == 0 or kind == "mthp_zero":
                    times.setdefault((kind, size_bytes or 0), []).extend(found)
            if number == 0:
                forks = [{**sizes[child], "ns": ns} for child, ns in db.execute(_FORKS).fetchall() if child in sizes]
    return times, forks
