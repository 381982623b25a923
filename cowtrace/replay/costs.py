"""What a fault of each kind costs: from the recording's own latencies, else a calibrated profile, else ratios between kinds."""

from __future__ import annotations

import json
import os
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from cowtrace.errors import InputError
from cowtrace.replay.trace import KIND, Trace

_SCHEMA = "cowtrace.profile/1"
_MAX_BYTES = 4 << 20
#: So many timed faults of a kind make the recording's own mean good.
_ENOUGH = 8
_RESAMPLES = 200
#: Cost of kinds as a multiple of a 4 KiB zero-fill without the recorder's share: centre, and what other machines may have.
#: Measured on Linux 6.18, x86-64, a virtual machine with a paravirtual MMU; ratios travel better than times.
_RATIOS: dict[str, tuple[float, float, float]] = {
    "anon_zero": (1.0, 0.7, 1.5),
    "zero_page": (0.55, 0.3, 0.9),
    "zero_page_cow": (1.4, 0.8, 2.5),
    "mthp_zero": (2.5, 1.2, 20.0),
    "thp_zero": (70.0, 25.0, 300.0),
    "thp_zero_page": (0.8, 0.4, 1.5),
    "thp_zero_page_cow": (70.0, 25.0, 300.0),
    "cow_copy": (1.6, 0.9, 4.0),
    "cow_reuse": (0.6, 0.3, 1.0),
    "thp_split": (11.0, 3.0, 20.0),
    "thp_reuse": (0.55, 0.3, 1.0),
    "hugetlb": (80.0, 25.0, 300.0),
    "hugetlb_cow": (165.0, 60.0, 500.0),
    "file_cow": (1.6, 0.8, 4.0),
    "file_read": (3.3, 0.8, 8.0),
}
#: In a virtual machine whose host has to find the memory first, a huge page took up to so long on average over a run; measured in 48 runs
#: of 16 programs, of which half stayed below 1.3 ms.
_UNBACKED_NS = 7.3e6
_HUGE_FILLS = ("thp_zero", "thp_zero_page_cow")
#: Zeroing a larger folio takes so much longer for each KiB, as a share of a 4 KiB zero-fill; on the same machine.
_RATIO_PER_KIB = 0.04


@dataclass(frozen=True, slots=True)
class Cost:
    """Mean time of one fault of a kind with a 90 % interval, and where it is known from."""

    mean_ns: float
    low_ns: float
    high_ns: float
    source: str


class Costs:
    """Costs by kind.

    Args:
        trace: The recording.
        profile: From ``load_profile``.
    """

    def __init__(self, trace: Trace, profile: dict[str, Any] | None) -> None:
        self._profile = profile
        self._own: dict[str, Cost] = {}
        faults = trace.faults
        timed = faults.duration_ns >= 0
        for name, code in KIND.items():
            sample = faults.duration_ns[timed & (faults.kind == code)]
            if len(sample):
                self._own[name] = _from_sample(sample)
        self.timed = bool(self._own)
        self._overhead_ns = self._recorder_share()
        self._folio_bytes = 0
        recording = trace.store.manifest.get("recording")
        machine = recording.get("machine") if isinstance(recording, dict) else None
        recorded = isinstance(machine, dict) and machine.get("hypervisor") is True
        self._virtual = recorded or (profile or {}).get("hypervisor") is True

    def for_folios(self, size_bytes: int) -> Costs:
        """The same, with ``mthp_zero`` being folios of a size; 0 for the recorded ones."""
        if size_bytes == 0:
            return self
        sized = copy(self)
        sized._folio_bytes = size_bytes
        return sized

    def of(self, kind: str) -> Cost | None:
        """The cost of a kind; None when nothing tells."""
        cost = self._of(kind)
        if cost is not None and self._virtual and kind in _HUGE_FILLS:
            return replace(cost, high_ns=max(cost.high_ns, _UNBACKED_NS), source=f"{cost.source}; more where the host lacks the memory")
        return cost

    def _of(self, kind: str) -> Cost | None:
        own = self._own.get(kind) if kind != "mthp_zero" or not self._folio_bytes else None
        if own is not None and "few" not in own.source:
            return own
        return self._from_profile(kind) or own or self._from_ratio(kind)

    def _recorder_share(self) -> float:
        """How much longer kinds take in the recording than in the profile: the recorder works inside a fault."""
        if not self._profile:
            return 0.0
        pairs = [
            (self._own[name].mean_ns - float(entry["mean_ns"]), float(entry["mean_ns"]))
            for name, entry in self._profile["costs"].items()
            if name in self._own and "few" not in self._own[name].source and name in ("anon_zero", "cow_reuse", "cow_copy", "zero_page")
        ]
        return float(np.median([difference for difference, _ in pairs])) if pairs else 0.0

    def _from_profile(self, kind: str) -> Cost | None:
        profile = self._profile or {}
        sizes = profile.get("mthp_zero") if kind == "mthp_zero" else None
        entry = sizes.get(str(self._folio_bytes)) if isinstance(sizes, dict) else profile["costs"].get(kind) if profile else None
        if not entry:
            return None
        mean = float(entry["mean_ns"])
        shift = max(self._overhead_ns, -0.5 * mean)
        spread = [mean * 0.75, mean * 1.25, float(entry.get("p10_ns") or mean), float(entry.get("p90_ns") or mean)]
        host = (self._profile or {}).get("host")
        where = host.get("hostname") if isinstance(host, dict) else host
        note = f" plus {shift / 1000:.1f} µs for the recorder" if shift else ""
        return Cost(mean + shift, max(0.0, min(spread) + shift), max(spread) + shift, f"profile of {where or 'this host'}{note}")

    def _from_ratio(self, kind: str) -> Cost | None:
        base_name = next((name for name in ("anon_zero", "cow_copy", "cow_reuse", "file_cow") if name in self._own), None)
        if base_name is None or kind not in _RATIOS:
            return None
        # the recorder's share is in the recorded mean and must not be multiplied; the cheapest kind bounds it
        base = self._own[base_name].mean_ns
        well_known = [cost.mean_ns for cost in self._own.values() if "few" not in cost.source]
        floor = min(well_known or [cost.mean_ns for cost in self._own.values()])
        share = min(0.8 * floor, 0.7 * base)
        unit = (base - share) / _RATIOS[base_name][0]
        ratios = _RATIOS[kind]
        if kind == "mthp_zero" and self._folio_bytes:
            times = 1 + _RATIO_PER_KIB * self._folio_bytes / 1024
            ratios = (times, times / 2, times * 3)
        centre, low, high = (share + unit * ratio for ratio in ratios)
        return Cost(centre, low, high, f"ratio to {base_name} on another machine (no {kind} here, no profile: cowtrace calibrate)")


def _from_sample(sample: np.ndarray[Any, np.dtype[np.int64]]) -> Cost:
    mean = float(sample.mean())
    if len(sample) < _ENOUGH:
        return Cost(mean, float(sample.min()) * 0.7, float(sample.max()) * 1.5, f"{len(sample)} faults of the recording: few")
    # blocks of neighbours, because slow stretches of time make neighbouring faults slow together
    blocks = np.array_split(sample, min(50, len(sample)))
    sums = np.array([block.sum() for block in blocks], np.float64)
    sizes = np.array([len(block) for block in blocks], np.float64)
    picks = np.random.default_rng(0).integers(0, len(blocks), (_RESAMPLES, len(blocks)))
    means = sums[picks].sum(axis=1) / sizes[picks].sum(axis=1)
    return Cost(mean, float(np.quantile(means, 0.05)), float(np.quantile(means, 0.95)), f"{len(sample):,} faults of the recording")


def profile_path() -> Path:
    """$COWTRACE_PROFILE, else profile.json in the user's cache folder."""
    if chosen := os.environ.get("COWTRACE_PROFILE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cowtrace" / "profile.json"


def load_profile(path: Path | None = None) -> dict[str, Any] | None:
    """The host's calibrated costs, as ``cowtrace calibrate`` wrote them; None without a file.

    Raises:
        InputError: The file is not a profile.
    """
    file = path or profile_path()
    if not file.is_file():
        return None
    hint = "remove it, or write it anew with cowtrace calibrate"
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise InputError(file, f"{file.stat().st_size} bytes, expected a few KiB of JSON", hint=hint)
        profile = json.loads(file.read_text("utf-8"))
        if profile["schema"] != _SCHEMA:
            raise InputError(file, f"expected schema {_SCHEMA}, found {str(profile['schema'])[:40]!r}", hint=hint)
        for entry in profile["costs"].values():
            float(entry["mean_ns"])
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise InputError(file, f"not a cost profile ({type(error).__name__})", hint=hint) from None
    result: dict[str, Any] = profile
    return result
