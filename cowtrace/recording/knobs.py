"""What-ifs that a host can be set to: which kernel files they write, and why the others can't be set from outside a program."""

from __future__ import annotations

from dataclasses import dataclass

from cowtrace.errors import HostError, UsageError, unknown_name
from cowtrace.recording.host import Host

THP = "sys/kernel/mm/transparent_hugepage"
FAULT_AROUND = "sys/kernel/debug/fault_around_bytes"
POLICIES = ("never", "madvise", "always")

_PROGRAM = "is the program's own doing, so no setting of this host turns it: change the program, record it again"
_COMPARE = "and compare both recordings: cowtrace replay STORE --what-if {} --backtest STORE_B"
#: Knobs that exist, but not as a setting of the host -> the reason and the next step.
NOT_SETTABLE = {
    "fork": f"how a program makes processes {_PROGRAM} {_COMPARE}",
    "prefault": f"prefaulting {_PROGRAM} {_COMPARE}",
    "dontfork": f"MADV_DONTFORK {_PROGRAM} {_COMPARE}",
    "hugetlb": f"mapping hugetlb pages {_PROGRAM} {_COMPARE}",
    "metacopy": f"metacopy is an option of a mount: mount the overlay anew with it, record again {_COMPARE}",
    "tmpfs": f"what is mounted at a path is the container's set-up: mount a tmpfs there, record again {_COMPARE}",
}
SETTABLE = ("thp", "mthp", "ksm", "fault_around")


@dataclass(frozen=True, slots=True)
class Setting:
    """One kernel file and what to write to it.

    Attributes:
        path: Below the host's root, without a leading slash.
        value: One word.
    """

    path: str
    value: str


def settings_of(what_if: str, host: Host) -> list[Setting]:
    """The settings that make a host what a what-if asks for; those that are so already are left out.

    Args:
        what_if: ``thp=never``, ``mthp=64k:always``, ``ksm=off``, ``fault_around=4096``.
        host: Where they would be written.

    Raises:
        HostError: This kernel has no such setting.
        UsageError: No such knob or value, or one that can't be set from outside the program.
    """
    knob, _, value = what_if.partition("=")
    if knob in NOT_SETTABLE:
        raise UsageError(f"--what-if {what_if}: {NOT_SETTABLE[knob].format(what_if)}")
    if knob not in SETTABLE:
        raise unknown_name("knob", knob, [*SETTABLE, *NOT_SETTABLE])
    if "@" in value:
        raise UsageError(f"--what-if {what_if}: a setting of the host holds for every process; leave out @{value.partition('@')[2]}")
    wanted = {"thp": _thp, "mthp": _mthp, "ksm": _ksm, "fault_around": _fault_around}[knob](what_if, value, host)
    for setting in wanted:
        if current(host, setting.path) is None:
            raise HostError(f"--what-if {what_if}: this kernel ({host.release}) has no readable /{setting.path}")
    return [setting for setting in wanted if current(host, setting.path) != setting.value]


def current(host: Host, path: str) -> str | None:
    """A setting now; of choices such as ``always [madvise] never`` the one in brackets. None when it can't be read."""
    text = host.text(path)
    if text is None:
        return None
    return text.partition("[")[2].partition("]")[0] if "[" in text else text


def _thp(what_if: str, value: str, host: Host) -> list[Setting]:
    _expect(what_if, value, POLICIES)
    pmd = f"{THP}/hugepages-{_pmd_kib(host)}kB/enabled"
    # since 6.8 the policy of each size counts, and the common one only where it says inherit (mm/huge_memory.c)
    own = [Setting(pmd, value)] if current(host, pmd) not in (None, "inherit") else []
    return [Setting(f"{THP}/enabled", value), *own]


def _mthp(what_if: str, value: str, host: Host) -> list[Setting]:
    size, _, policy = value.partition(":")
    _expect(what_if, policy, (*POLICIES, "inherit"))
    size_bytes = _size(what_if, size)
    path = f"{THP}/hugepages-{size_bytes >> 10}kB/enabled"
    if host.text(path) is None:
        there = sorted(int(entry.name[10:-2]) for entry in host.path(THP).glob("hugepages-*kB"))
        sizes = f"sizes here: {', '.join(f'{kib}k' for kib in there)}" if there else "they came with Linux 6.8"
        raise HostError(f"--what-if {what_if}: this kernel ({host.release}) has no huge pages of that size; {sizes}")
    return [Setting(path, policy)]


def _ksm(what_if: str, value: str, host: Host) -> list[Setting]:
    _expect(what_if, value, ("off",))
    run = "sys/kernel/mm/ksm/run"
    # 2 takes apart what is merged already (mm/ksm.c run_store); a daemon that rests with nothing merged is off
    return [] if host.text(run) == "0" and not host.integer("sys/kernel/mm/ksm/pages_shared") else [Setting(run, "2")]


def _fault_around(what_if: str, value: str, host: Host) -> list[Setting]:
    size_bytes = _size(what_if, value)
    if size_bytes < host.page_size or size_bytes & (size_bytes - 1):
        raise UsageError(f"--what-if {what_if}: expected a power of two of at least one page, such as 4096 or 64k")
    return [Setting(FAULT_AROUND, str(size_bytes))]


def _expect(what_if: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UsageError(f"--what-if {what_if}: {value!r} is no value of it; known: {', '.join(known)}")


def _size(what_if: str, text: str) -> int:
    plain = text.lower().removesuffix("ib").removesuffix("b")
    factor = {"k": 1 << 10, "m": 1 << 20}.get(plain[-1:], 1)
    digits = plain[:-1] if factor > 1 else plain
    if not digits.isascii() or not digits.isdigit() or len(digits) > 12:
        raise UsageError(f"--what-if {what_if}: expected a size such as 64k or 65536")
    return int(digits) * factor


def _pmd_kib(host: Host) -> int:
    size_bytes = host.integer(f"{THP}/hpage_pmd_size")
    return (size_bytes or 2 << 20) >> 10
