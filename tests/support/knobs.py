"""Kernel settings for live tests: each is a context manager that puts back what it found.

All of them take one system-wide lock first, so two test runs on one machine do not turn the same knob.
"""

from __future__ import annotations

import fcntl
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

THP = Path("/sys/kernel/mm/transparent_hugepage")
KSM = Path("/sys/kernel/mm/ksm")
POOL = Path("/proc/sys/vm/nr_hugepages")
ZRAM = Path("/sys/class/zram-control")
LOCK = Path(tempfile.gettempdir()) / "cowtrace-knobs.lock"

_held = threading.Lock()


def current(path: Path) -> str:
    """The setting now; of a choice such as ``always [madvise] never`` the one in brackets."""
    text = path.read_text().strip()
    chosen = [word[1:-1] for word in text.split() if word.startswith("[") and word.endswith("]")]
    return chosen[0] if chosen else text


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Hold the machine's knobs; SIGTERM becomes SystemExit, so that every ``finally`` still runs.

    Raises:
        RuntimeError: This process holds them already; waiting for itself would never end.
    """
    if _held.locked():
        raise RuntimeError("the knobs are held by another fixture or test of this process")
    with _held, LOCK.open("w") as lock, ExitStack() as undo:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if threading.current_thread() is threading.main_thread():
            undo.callback(signal.signal, signal.SIGTERM, signal.signal(signal.SIGTERM, lambda *_: sys.exit(143)))
        yield


@contextmanager
def setting(path: Path, value: str | int) -> Iterator[None]:
    """Write one sysfs or sysctl file, restore it after."""
    before = current(path)
    try:
        path.write_text(f"{value}\n")
        yield
    finally:
        path.write_text(f"{before}\n")


@contextmanager
def huge_pages(enabled: str = "madvise", mthp: Mapping[int, str] | None = None) -> Iterator[None]:
    """THP policy, and the policy of smaller sizes by KiB; khugepaged is held off meanwhile: it would re-join pages."""
    with ExitStack() as stack:
        stack.enter_context(setting(THP / "khugepaged/scan_sleep_millisecs", 600_000))
        stack.enter_context(setting(THP / "enabled", enabled))
        for kib, policy in (mthp or {}).items():
            if (THP / f"hugepages-{kib}kB/enabled").exists():
                stack.enter_context(setting(THP / f"hugepages-{kib}kB/enabled", policy))
        yield


@contextmanager
def ksm() -> Iterator[None]:
    """A fast ksmd; merged pages are taken apart again at the end."""
    if not (KSM / "run").exists():
        yield
        return
    with ExitStack() as stack:
        stack.enter_context(setting(KSM / "sleep_millisecs", 5))
        stack.enter_context(setting(KSM / "pages_to_scan", 2000))
        before = current(KSM / "run")
        try:
            (KSM / "run").write_text("1\n")
            yield
        finally:
            (KSM / "run").write_text("2\n")
            (KSM / "run").write_text(f"{before}\n")


@contextmanager
def hugetlb_pool(pages: int) -> Iterator[None]:
    """At least so many free hugetlb pages of the default size."""
    if not POOL.exists():
        yield
        return
    with setting(POOL, int(current(POOL)) + pages):
        yield


@contextmanager
def zram_swap(mib: int = 64) -> Iterator[None]:
    """A compressed swap device of its own; nothing where the kernel has no zram."""
    if not (ZRAM / "hot_add").exists():
        yield
        return
    number = int((ZRAM / "hot_add").read_text())
    device = f"/dev/zram{number}"
    try:
        Path(f"/sys/block/zram{number}/disksize").write_text(f"{mib}M\n")
        subprocess.run(["mkswap", device], check=True, capture_output=True)
        subprocess.run(["swapon", "--priority", "32000", device], check=True, capture_output=True)
        try:
            yield
        finally:
            subprocess.run(["swapoff", device], check=True, capture_output=True)
    finally:
        Path(f"/sys/block/zram{number}/reset").write_text("1\n")
        (ZRAM / "hot_remove").write_text(f"{number}\n")


@contextmanager
def everything() -> Iterator[None]:
    """What ``cowkinds`` needs to run all of its groups."""
    with ExitStack() as stack:
        stack.enter_context(one_at_a_time())
        stack.enter_context(huge_pages(mthp={64: "madvise", 256: "madvise", 1024: "madvise"}))
        stack.enter_context(ksm())
        stack.enter_context(hugetlb_pool(16))
        stack.enter_context(zram_swap())
        yield
