"""``replay``: a store and requests in, a prediction out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cowtrace.errors import UsageError
from cowtrace.replay.costs import Costs, load_profile
from cowtrace.replay.eligible import recorded_mode
from cowtrace.replay.faithful import residual
from cowtrace.replay.memory import first_allocations
from cowtrace.replay.outcome import Outcome
from cowtrace.replay.policies import POLICIES
from cowtrace.replay.result import MEASURES, KindRow, Measure, ProcessRow, ReplayResult, Totals
from cowtrace.replay.scenario import Choice, parse
from cowtrace.replay.scope import scope_of
from cowtrace.replay.trace import KIND, Trace
from cowtrace.replay.work import Work

if TYPE_CHECKING:
    from cowtrace.store.reader import Store


def replay(store: Store, what_if: Sequence[str]) -> ReplayResult:
    """Predict what a recorded workload would have cost under other settings.

    Args:
        store: The recording's store.
        what_if: Requests ``KNOB=VALUE[@comm=NAME]``, combined.

    Raises:
        UsageError: An unknown, unpriceable or contradictory request, or one that this recording can't support.
        InputError: The cost profile of this host is damaged.
    """
    choices = parse(what_if)
    if not choices:
        raise UsageError(f"nothing to predict: name a knob, such as --what-if thp=never; known: {', '.join(POLICIES)}")
    return Replayer(store).run(choices)


class Replayer:
    """A trace made ready for any number of scenarios.

    Args:
        store: The recording's store.

    Raises:
        UsageError: The store holds no faults.
    """

    def __init__(self, store: Store) -> None:
        self.trace = Trace(store)
        if not len(self.trace.faults):
            raise UsageError(f"{store.path}: holds no page faults, so there is nothing to replay")
        self.profile = load_profile()
        self.costs = Costs(self.trace, self.profile)
        self._first = first_allocations(self.trace)
        self.residual = residual(self.trace)

    def lacks(self, choice: Choice) -> str | None:
        """Why this recording can't support a choice; None when it can."""
        return POLICIES[choice.knob].load().lacks(self.trace)

    def work(self, choices: Sequence[Choice]) -> Work:
        """Apply choices to the trace, in the order of the policy table.

        Raises:
            UsageError: The recording can't support one.
        """
        for choice in choices:
            if reason := self.lacks(choice):
                raise UsageError(f"what-if {choice}: {reason}")
        work = Work.start(self.trace)
        for choice in sorted(choices, key=lambda choice: list(POLICIES).index(choice.knob)):
            POLICIES[choice.knob].load().apply(work, choice.value, scope_of(self.trace, choice, choices))
        return work

    def run(self, choices: Sequence[Choice], *, processes: bool = True) -> ReplayResult:
        """Predict.

        Args:
            choices: The scenario.
            processes: With rows by process.
        """
        work = self.work(choices)
        outcome = Outcome(work, self.costs, self.profile, self._first, self.residual.share)
        everything = np.arange(len(self.trace.groups))
        base, after = outcome.totals(everything)
        base["peak_private_bytes"], after["peak_private_bytes"] = outcome.peaks(slice(None))
        _add_deltas(work, base, after, None)
        mode, source = recorded_mode(self.trace)
        scenario: dict[str, Any] = {
            "what_if": [str(choice) for choice in choices],
            "recorded": {
                "thp": mode,
                "thp_source": source,
                "kernel_release": (self.trace.store.manifest.get("host") or {}).get("kernel_release"),
            },
        }
        _say_missing(work, outcome, after)
        rows = self._by_process(work, outcome) if processes else []
        return ReplayResult(
            scenario, base, after, rows, self._by_kind(outcome), self._rests_on(work, outcome), work.not_modelled, work.assumptions
        )

    def _by_process(self, work: Work, outcome: Outcome) -> list[ProcessRow]:
        trace = self.trace
        of_comm: dict[str, list[int]] = {}
        for row, (comm, _) in enumerate(trace.groups):
            of_comm.setdefault(comm, []).append(row)
        counts = np.bincount(trace.faults.group, minlength=len(trace.groups))
        by_group = np.argsort(trace.faults.group, kind="stable")
        start = np.r_[0, np.cumsum(counts)]
        rows: list[ProcessRow] = []
        for comm, members in sorted(of_comm.items(), key=lambda item: -int(counts[item[1]].sum())):
            busy = [member for member in members if counts[member]]
            forked = [member for member in members if member in set(outcome.fork_group.tolist())] if not busy else []
            if not busy and not forked:
                continue
            for tgid, part in ((None, members), *((trace.groups[member][1], [member]) for member in busy)):
                base, after = outcome.totals(np.array(part))
                mine = np.sort(np.concatenate([by_group[start[member] : start[member + 1]] for member in part]))
                base["peak_private_bytes"], after["peak_private_bytes"] = outcome.peaks(mine)
                _add_deltas(work, base, after, (comm, tgid))
                rows.append(ProcessRow(comm, tgid, base, after))
        return rows

    def _by_kind(self, outcome: Outcome) -> list[KindRow]:
        base, base_ns, after, after_ns = outcome.kind_counts()
        new = (outcome.cells.changed + outcome.cells.extra[0]).sum(axis=0)
        rows = []
        for name, code in KIND.items():
            if not base[code] and not after[code]:
                continue
            cost = outcome.costs.of(name)
            rows.append(
                KindRow(
                    name,
                    _kind_totals(base[code], base_ns[code] if self.costs.timed else None),
                    _kind_totals(after[code], after_ns[code] if self.costs.timed and cost is not None else None),
                    cost.source if cost is not None and new[code] else None,
                )
            )
        return rows

    def _rests_on(self, work: Work, outcome: Outcome) -> list[str]:
        said = [f"Faults that stay as they are keep their recorded time; new ones cost: {self._new_costs(outcome)}."]
        if len(outcome.forks.baseline):
            said.append(f"Fork time per page table entry: {outcome.forks.source}.")
        if sentence := self.residual.sentence():
            said.append(sentence)
        said += [f"{extra.why[0].upper()}{extra.why[1:]}." for extra in work.extras]
        said += [delta.source for delta in work.deltas]
        if self.trace.lost_events:
            said.append(
                f"The recorder lost {self.trace.lost_events:,} events ({self.trace.lost_share:.1%}); every interval is wider for it."
            )
        return list(dict.fromkeys(said))

    def _new_costs(self, outcome: Outcome) -> str:
        new = (outcome.cells.changed + outcome.cells.extra[0]).sum(axis=0)
        said = []
        for name, code in KIND.items():
            if new[code]:
                cost = outcome.costs.of(name)
                said.append(f"{name} {cost.mean_ns / 1000:.1f} µs ({cost.source})" if cost else f"{name} unknown")
        return ", ".join(said) or "none"


def _kind_totals(count: float, ns: float | None) -> Totals:
    time = None if ns is None or np.isnan(ns) else Measure(ns, ns, ns)
    return {"faults": Measure(count, count, count), "fault_time_ns": time}


def _add_deltas(work: Work, base: Totals, after: Totals, who: tuple[str, int | None] | None) -> None:
    for delta in work.deltas:
        if who is not None and (who[0] != delta.comm or who[1] not in (None, delta.tgid)):
            continue
        if delta.measure in base and (base[delta.measure] is None or after[delta.measure] is None):
            continue
        before = base.get(delta.measure) or Measure(0, 0, 0)
        now = after.get(delta.measure) or Measure(0, 0, 0)
        base[delta.measure] = Measure(*(getattr(before, name) + delta.baseline for name in ("value", "low", "high")))
        after[delta.measure] = Measure(now.value + delta.value, now.low + delta.low, now.high + delta.high)


def _say_missing(work: Work, outcome: Outcome, after: Totals) -> None:
    if after["fault_time_ns"] is None:
        reason = (
            "faults were not timed (record minor-faults and major-faults too)" if not outcome.costs.timed else "a kind has no known cost"
        )
        work.leave_out(f"fault_time_ns: {reason}; cowtrace calibrate measures costs on this host.")
    if after["copied_bytes"] is None:
        work.leave_out("bytes copied, zeroed and private: too many faults of unknown kind (cowtrace record --level standard).")
    if after["fork_time_ns"] is None:
        work.leave_out(
            "fork_time_ns: clone calls were not recorded (cowtrace record --level standard), and no profile of this host is there."
        )
    work.leave_out("Costs outside faults and fork: cache and TLB misses, lock waits, exit of the processes.")
    assert set(MEASURES) <= {*after, "peak_private_bytes"}
