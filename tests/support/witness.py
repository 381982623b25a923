"""The kernel's own account of a run, read from ``perf script`` text: no code of cowtrace takes part.

A fault that allocates says so: ``kmem:mm_page_alloc`` with a kernel call chain names the function that asked.
A fault that reuses allocates nothing, and is witnessed by what is left: a processor exception for a write to a
present page (error code bits P and W), with neither an allocation nor a fatal signal before the thread's next one.
Whether a copied page was the file's or anonymous shows in ``kmem:rss_stat``: only the first copy of a file page
moves the file counter. Function names: mm/memory.c and mm/huge_memory.c, 5.10 to 7.x.

Allocations outside an exception (fork, exec's set-up, system calls, GUP) and page tables do not count.
"""

from __future__ import annotations

import re
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

# Tracepoints only. The kernel hands one sample of a software event to all sessions that count it, so two recordings of
# minor-faults would put each other's event ids into their records (do_perf_sw_event, seen on 6.18).
EVENTS = (
    "kmem:mm_page_alloc/call-graph=fp/",
    "kmem:rss_stat/call-graph=fp/",
    "exceptions:page_fault_user",
    "exceptions:page_fault_kernel",
    "signal:signal_generate",
    "sched:sched_process_exec",
)

#: What one fault did. ``other``: it neither allocated a page for the process nor was a write to a present page.
OUTCOMES = (
    "copy",  # an anonymous page
    "file_copy",  # a page of a private file mapping
    "zero_copy",  # a zeroed base page in place of the shared zero page
    "huge_zero_copy",
    "zero_fill",  # one base page
    "large_fill",  # order 1..8
    "huge_fill",  # PMD-sized
    "swap_in",
    "shmem",
    "page_cache",
    "reuse",  # made writable, no allocation; a shared file page made writable counts here too
    "failed",  # ended in SIGSEGV or SIGBUS; a kernel write to a present page, tried with page faults disabled
    "other",
)

EVERYWHERE = range(2**64)

_FAULT_ENTRY = {"asm_exc_page_fault", "exc_page_fault", "do_user_addr_fault", "do_page_fault", "do_mem_abort"}
_GUP = {"__get_user_pages", "faultin_page", "fixup_user_fault", "get_user_pages_remote"}
_TABLES = {"pte_alloc_one", "__pte_alloc", "__pmd_alloc", "__pud_alloc", "__p4d_alloc"}
_HEAD = re.compile(r"^(?P<comm>.*?)\s+(?P<pid>\d+)/(?P<tid>\d+)\s+(?P<s>\d+)\.(?P<ns>\d{9}):\s+(?P<event>\S+?):(?:\s+(?P<trace>.*))?$")
_EXCEPTION = re.compile(r"address=(\S+) .*error_code=(\S+)")
_FATAL = re.compile(r"sig=(7|11) errno=\d+ code=[1-9]")
#: Names that a command's process carries between perf's fork and its own exec.
BEFORE_EXEC = ("perf", "perf-exec")


@dataclass
class _OpenFault:
    """The last exception of one thread."""

    write_to_present: bool
    wanted: bool
    allocations: list[str] = field(default_factory=list)
    file_page: bool = False
    failed: bool = False
    kernel_page: int = -1  # page that the kernel wrote to, if it was the kernel and a present page

    def outcome(self) -> str:
        """The strongest thing seen inside the fault: a cold file copy also fills the page cache."""
        if self.failed:
            return "failed"
        for name in ("swap_in", "copy", "file_copy", "zero_copy", "huge_zero_copy", "huge_fill", "large_fill", "zero_fill"):
            if name in self.allocations:
                return "file_copy" if name == "copy" and self.file_page else name
        for name in ("shmem", "page_cache"):
            if name in self.allocations:
                return name
        return "reuse" if self.write_to_present else "other"


@dataclass
class Account:
    """Outcomes of one process.

    Attributes:
        tgid: Process id.
        comm: Its name, as last seen.
        begin_ns: When the account begins (CLOCK_MONOTONIC): 0, or the exec of the command.
        counts: Exceptions by outcome.
    """

    tgid: int
    comm: str = ""
    begin_ns: int = 0
    counts: Counter[str] = field(default_factory=Counter)


def record_command(output: Path, command: Sequence[str]) -> list[str]:
    """The perf command line that runs ``command`` under the witness; it can stand inside another recorder's."""
    events = [word for event in EVENTS for word in ("-e", event)]
    perf = ["perf", "record", "-q", "-c", "1", "-m", "4096", "-k", "mono", "--kernel-callchains"]
    return [*perf, *events, "-o", str(output), "--", *command]


def allocation(trace: str, chain: Sequence[str]) -> str | None:
    """Name what an ``mm_page_alloc`` was for, from its text and its kernel frames (innermost first).

    Returns:
        An outcome; None when it was not a fault's page.
    """
    entry = next((at for at, name in enumerate(chain) if name in _FAULT_ENTRY), None)
    if entry is None:
        return None
    frames = set(chain[:entry])
    if frames & _TABLES or frames & _GUP or "GFP_ACCOUNT" in trace or "GFP_KERNEL_ACCOUNT" in trace:
        return None
    found = re.search(r"order=(\d+)", trace)
    order = int(found[1]) if found else 0
    if "do_swap_page" in frames:
        return "swap_in"
    if frames & {"do_huge_pmd_wp_page", "do_huge_zero_wp_pmd"} and order > 0:
        return "huge_zero_copy"
    if frames & {"do_wp_page", "wp_page_copy"}:
        return "zero_copy" if "__GFP_ZERO" in trace else "copy"
    if "do_huge_pmd_anonymous_page" in frames:
        return "huge_fill" if not frames & {"mm_get_huge_zero_folio", "mm_get_huge_zero_page", "get_huge_zero_page"} else None
    if "do_anonymous_page" in frames:
        return "large_fill" if order else "zero_fill"
    if frames & {"shmem_fault", "shmem_get_folio_gfp", "shmem_getpage_gfp"}:
        return "shmem"
    if frames & {"filemap_fault", "filemap_map_pages", "__filemap_get_folio", "page_cache_ra_unbounded"}:
        return "page_cache"
    if frames & {"do_cow_fault", "do_fault"}:
        return "file_copy"
    return None


def _events(lines: Iterable[str]) -> Iterator[tuple[re.Match[str], list[str]]]:
    """Group ``perf script`` text into a header and the function names under it."""
    head: re.Match[str] | None = None
    chain: list[str] = []
    for line in lines:
        text = line.rstrip("\n")
        if not text:
            continue
        if text[0] == "\t":
            chain.append(text.split(None, 1)[1] if " " in text.strip() else "")
            continue
        if head is not None:
            yield head, chain
        head, chain = _HEAD.match(text), []
        if head is None:
            raise ValueError(f"not a perf script line: {text!r}")
    if head is not None:
        yield head, chain


def read(lines: Iterable[str], addresses: range = EVERYWHERE, command: int | None = None) -> dict[int, Account]:
    """Count outcomes by process from the text of ``perf script -F comm,pid,tid,time,event,trace,ip,sym --ns``.

    Args:
        lines: The text.
        addresses: Only faults on these.
        command: Process whose account begins at its first exec: another recorder, running inside, held it until then.
    """
    accounts: dict[int, Account] = defaultdict(lambda: Account(0))
    open_faults: dict[int, tuple[Account, _OpenFault]] = {}

    def close(tid: int) -> None:
        account, fault = open_faults.pop(tid)
        account.counts[fault.outcome()] += fault.wanted

    for head, chain in _events(lines):
        tid, tgid, event, trace = int(head["tid"]), int(head["pid"]), head["event"], head["trace"] or ""
        if head["comm"].strip() in BEFORE_EXEC:
            continue
        if event.startswith("sched:sched_process_exec") and tgid == command:
            accounts[tgid] = Account(tgid, head["comm"].strip(), int(head["s"] + head["ns"]))
            open_faults.pop(tid, None)
            command = None
        elif event.startswith("exceptions:"):
            address, code = _EXCEPTION.search(trace).groups()  # type: ignore[union-attr]
            at = int(address, 16) if address.startswith("0x") else -1  # a kernel address prints as a symbol
            to_present = int(code, 16) & 3 == 3
            page = at >> 12 if to_present and event.endswith("kernel") else -1
            if tid in open_faults:
                # The kernel tries with page faults disabled, then again for good: the same write twice in a row.
                open_faults[tid][1].failed |= 0 <= page == open_faults[tid][1].kernel_page
                close(tid)
            account = accounts[tgid]
            account.tgid, account.comm = tgid, head["comm"].strip()
            open_faults[tid] = account, _OpenFault(to_present, at in addresses, kernel_page=page)
        elif tid in open_faults:
            _, fault = open_faults[tid]
            if event.startswith("kmem:mm_page_alloc"):
                fault.allocations += filter(None, [allocation(trace, chain)])
                if "copy_process" in chain:  # a fork protects the page again: writing it twice is no second try
                    fault.kernel_page = -1
            elif event.startswith("kmem:rss_stat"):
                in_copy = bool(_FAULT_ENTRY & set(chain)) and bool({"do_wp_page", "wp_page_copy"} & set(chain))
                fault.file_page |= in_copy and ("MM_FILEPAGES" in trace or "MM_SHMEMPAGES" in trace)
            elif event.startswith("signal:") and _FATAL.search(trace):
                fault.failed = True
    for tid in list(open_faults):
        close(tid)
    return dict(accounts)


def counts(recording: Path, addresses: range = EVERYWHERE, command: int | None = None) -> dict[int, Account]:
    """Read a witness recording with the machine's own perf; arguments as of :func:`read`."""
    fields = "comm,pid,tid,time,event,trace,ip,sym"
    reader = ["perf", "script", "--ns", "-F", fields, "-i", str(recording)]
    with subprocess.Popen(reader, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace") as script:
        assert script.stdout is not None
        accounts = read(script.stdout, addresses, command)
    if script.returncode:
        raise RuntimeError(f"perf script ended with {script.returncode} on {recording}")
    return accounts
