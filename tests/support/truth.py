"""The log of ``tests/workloads/cowkinds``: what each phase declared, and what the kernel's other books say."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cowtrace.schema import KINDS

SOURCES = Path(__file__).parent.parent / "workloads" / "cowkinds"


@dataclass(frozen=True)
class Phase:
    """One loop over one mapping.

    Attributes:
        kinds: Declared faults by kind; a key ``a|b`` allows both names.
        notes: The other declared counts (fresh, changed, major, kernel, exec, fixup, gup, rehearsal, copied).
        frames: Page frames that appeared, changed, stayed, from /proc/self/pagemap; None without privilege.
    """

    name: str
    tgid: int
    tid: int
    start: int
    end: int
    begin_ns: int
    end_ns: int
    kinds: dict[str, int]
    notes: dict[str, int]
    minflt: int
    majflt: int
    frames: dict[str, int] | None

    @property
    def faults(self) -> int:
        """Faults that a recording holds in this phase, failed ones included."""
        return sum(self.kinds.values())

    def disagreements(self) -> list[str]:
        """Where pagemap or getrusage contradict the declaration; neither went through perf."""
        found = []
        booked = self.faults - self.kinds.get("failed", 0) + self.notes.get("gup", 0)
        if self.minflt + self.majflt != booked and not self.notes.get("rehearsal"):
            found.append(f"{self.name}: declared {booked} booked faults, getrusage {self.minflt + self.majflt}")
        if self.notes.get("major", -1) not in (-1, self.majflt):
            found.append(f"{self.name}: declared {self.notes['major']} major faults, getrusage {self.majflt}")
        for what in ("fresh", "changed"):
            if self.frames is not None and self.frames[what] != self.notes.get(what, 0):
                found.append(f"{self.name}: declared {self.notes.get(what, 0)} {what} frames, pagemap {self.frames[what]}")
        return found


def build(folder: Path) -> Path:
    """Compile cowkinds; static where the C library allows it, so that a child's own faults are few."""
    program = folder / "cowkinds"
    command = ["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", str(program), *map(str, sorted(SOURCES.glob("*.c")))]
    if subprocess.run([*command, "-static"], capture_output=True, check=False).returncode:
        subprocess.run([*command, "-Wl,-z,now"], check=True)  # no symbol is looked up inside a phase
    return program


def read_log(path: Path) -> tuple[list[Phase], dict[str, str]]:
    """Phases in the order in which they began, and the skipped groups with the reason."""
    phases, skipped = [], {}
    for line in path.read_text().splitlines():
        entry = json.loads(line)
        if "skipped" in entry:
            skipped[entry["skipped"]] = entry["why"]
            continue
        expect = entry.pop("expect")
        is_kind = {key: all(name in KINDS for name in key.split("|")) for key in expect}
        kinds = {key: count for key, count in expect.items() if is_kind[key] and count}
        notes = {key: count for key, count in expect.items() if not is_kind[key]}
        phases.append(Phase(name=entry.pop("phase"), kinds=kinds, notes=notes, **entry))
    return phases, skipped
