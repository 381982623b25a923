"""What is required, and how measurements compare with it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

GIB = 1 << 30

#: cowtrace ingest, whole process, compared with perf script printing to nowhere, and with perf script whose text is parsed into a table.
INGEST_TO_PERF, INGEST_TO_PERF_AND_PARSE = 2.5, 6.0
CSV_TO_PERF = 1.0
#: Decoding alone, imports not counted; and the same of samples with call chains.
DECODED_SAMPLES_PER_S, DECODED_CHAINS_PER_S = 3e6, 1.5e6
PEAK_BYTES = GIB
#: Replay of one scenario, the middle one of several knobs, on one core; and a sweep over all scenarios of 5 million faults.
REPLAYED_FAULTS_PER_S, SWEEP_S = 5e6, 15.0
#: Lines of text a second.
TEXT_LINES_PER_S = 1_000_000
#: ``cowtrace --help`` above an interpreter that does nothing.
HELP_S = 0.15


@dataclass(frozen=True, slots=True)
class Line:
    """One requirement with its measurement.

    Attributes:
        shape: Shape of the recording, or empty.
        what: What was measured.
        measured: The value.
        required: The bound.
        at_most: The bound is an upper one.
        detail: The numbers behind it.
    """

    shape: str
    what: str
    measured: float
    required: float
    at_most: bool = False
    detail: str = ""

    @property
    def met(self) -> bool:
        """Whether the measurement keeps the bound."""
        return self.measured <= self.required if self.at_most else self.measured >= self.required


def to_markdown(lines: list[Line]) -> str:
    """A table, one row a requirement."""
    rows = ["| shape | what | measured | required | met | |", "|---|---|---|---|---|---|"]
    for line in lines:
        bound = f"{'≤' if line.at_most else '≥'} {line.required:g}"
        rows.append(f"| {line.shape} | {line.what} | {line.measured:.3g} | {bound} | {'yes' if line.met else '**no**'} | {line.detail} |")
    return "\n".join(rows)


def to_json(lines: list[Line], facts: dict[str, Any]) -> dict[str, Any]:
    """The same for machines."""
    return {"schema": "cowtrace.benchmarks/1", **facts, "lines": [{**asdict(line), "met": line.met} for line in lines]}
