"""Judging one recording by its budgets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cowtrace.gate.amount import format_amount
from cowtrace.gate.budgets import Budget
from cowtrace.gate.finding import Finding, Place, Status, Verdicts
from cowtrace.gate.measures import Amount
from cowtrace.gate.subject import Subject
from cowtrace.report.headline import plural


def check(subject: Subject, budgets: Sequence[Budget], path: Path, *, strict: bool = False) -> Verdicts:
    """One finding a budget.

    A budget is broken when even the least possible amount is over it, kept when the greatest possible amount is not, and undecided
    when the recording can't tell: losses, unknown faults, sampling.

    Args:
        subject: The recording.
        budgets: From ``read_budgets``.
        path: Their file, for the places of findings.
        strict: Undecided counts as broken.
    """
    findings = [_judge(subject, budget, path) for budget in budgets]
    notes = subject.notes()
    if not subject.fault_count:
        notes.insert(0, f"{subject.name} holds no fault: budgets on faults prove nothing.")
    return Verdicts("check", subject.name, findings, notes=notes, strict=strict)


def _judge(subject: Subject, budget: Budget, path: Path) -> Finding:
    unit = budget.measure.unit
    found = subject.amounts(budget.measure, budget.scope, budget.per)
    worst = max(found, key=lambda amount: (amount.low, float("inf") if amount.high is None else amount.high))
    open_ended = [amount for amount in found if amount.high is None or amount.high > budget.most]
    status: Status = "broken" if worst.low > budget.most else "undecided" if open_ended else "ok"
    over = [amount for amount in found if amount.low > budget.most]
    if status == "undecided":
        worst = max(open_ended, key=lambda amount: float("inf") if amount.high is None else amount.high)
    return Finding(
        rule=budget.name,
        status=status,
        measure=budget.measure.name,
        scope=_scope(budget, worst),
        value=_value(worst, unit),
        limit=format_amount(budget.most, unit),
        message=_message(subject, budget, worst, status, len(over)),
        query=_query(budget),
        data={
            "value": worst.value,
            "low": worst.low,
            "high": worst.high,
            "max": budget.most,
            "unit": unit,
            "over_count": len(over),
            "why": budget.why or None,
        },
        place=Place(str(path), budget.line),
    )


def _scope(budget: Budget, worst: Amount) -> str:
    said = [f"{key} {pattern}" for key, pattern in budget.scope.items()]
    return ", ".join([*said, worst.of] if worst.of else said)


def _value(amount: Amount, unit: str) -> str:
    if amount.high is None:
        return f"≥ {format_amount(amount.low, unit)}"
    if amount.high == amount.low:
        return format_amount(amount.value, unit)
    return f"{format_amount(amount.low, unit)} to {format_amount(amount.high, unit)}"


def _message(subject: Subject, budget: Budget, worst: Amount, status: Status, over_count: int) -> str:
    unit = budget.measure.unit
    what = f"{budget.measure.name} {_value(worst, unit)}"
    if scope := _scope(budget, worst):
        what += f" in {scope}"
    if status == "ok":
        return f"{what}: within {format_amount(budget.most, unit)}."
    why = f" {budget.why}" if budget.why else ""
    if status == "broken":
        times = f", {worst.low / budget.most:.3g} times the budget" if budget.most else ""
        others = f"; {plural(over_count, str(budget.per))} are over it" if over_count > 1 else ""
        return f"{what}: {format_amount(worst.low - budget.most, unit)} over {format_amount(budget.most, unit)}{times}{others}.{why}"
    reason = "events were lost" if subject.is_lossy else "not every fault is known well enough"
    return f"{what}: may be over {format_amount(budget.most, unit)}, the recording can't tell ({reason}).{why}"


def _query(budget: Budget) -> str:
    by = {"gate_fork": "fork/summary", "gate_copyup": "copyup/by_path"}
    if budget.measure.table in by:
        return by[budget.measure.table]
    if budget.per in ("fork", "child"):
        return "cow/fork_bill"
    return "fault/by_process" if budget.per == "process" or "process" in budget.scope else "fault/by_kind"
