"""Comparing recordings: what changed, and is it what the user asked to fail on?"""

from __future__ import annotations

from collections.abc import Sequence

from cowtrace.errors import UsageError
from cowtrace.gate.amount import format_amount
from cowtrace.gate.dimensions import DIMENSIONS, as_table, changed_rows, total_rows
from cowtrace.gate.expression import Expression
from cowtrace.gate.finding import Finding, Status, Verdicts
from cowtrace.gate.noise import Change, change_of
from cowtrace.gate.subject import Subject


def diff(
    base: Sequence[Subject],
    new: Sequence[Subject],
    expressions: Sequence[Expression],
    *,
    top: int = 5,
    strict: bool = False,
    allow_disjoint: bool = False,
) -> Verdicts:
    """One finding an expression, and the table of what changed.

    Args:
        base: Recordings of the old side, one or more.
        new: Recordings of the new side.
        expressions: From ``parse_expression``.
        top: Rows of each dimension.
        strict: Undecided counts as broken.
        allow_disjoint: Compare recordings without a common process name.

    Raises:
        UsageError: The two sides share no process name.
    """
    if not allow_disjoint:
        _check_related(base, new)
    rows = total_rows(base, new)
    for dimension in DIMENSIONS:
        rows += changed_rows(base, new, dimension, top)
    notes = [note for subject in (*base, *new) for note in subject.notes()]
    if len(base) == len(new) == 1:
        notes.append("One recording a side: the noise between runs is not known; more of them (--base, --new) tell it, and open times.")
    findings = [_judge(base, new, expression) for expression in expressions]
    subject = f"{_names(base)} and {_names(new)}"
    return Verdicts("diff", subject, findings, as_table(rows), rows, notes, strict)


def _check_related(base: Sequence[Subject], new: Sequence[Subject]) -> None:
    names = []
    for side in (base, new):
        comms = {row[0] for subject in side for row in subject.connection.execute("SELECT DISTINCT comm FROM gate_cost").fetchall()}
        names.append(comms)
    if names[0] and names[1] and not names[0] & names[1]:
        raise UsageError(
            f"{_names(base)} and {_names(new)} share no process name: they are recordings of different programs; "
            "--allow-disjoint compares them all the same"
        )


def _judge(base: Sequence[Subject], new: Sequence[Subject], expression: Expression) -> Finding:
    measure = expression.measure
    change = change_of(*([subject.amounts(measure, expression.scope)[0] for subject in side] for side in (base, new)))
    status = _status(base, new, expression, change)
    delta = change.amount
    sign = "-" if delta < 0 else "+"
    share = f" ({100 * delta / change.base:+.3g} %)" if change.base else ""
    scope = ", ".join(f"{key} {pattern}" for key, pattern in expression.scope.items())
    what = f"{measure.name}{f' in {scope}' if scope else ''} went from {format_amount(change.base, measure.unit)} to "
    what += f"{format_amount(change.new, measure.unit)}, {sign}{format_amount(abs(delta), measure.unit)}{share}"
    if change.margin:
        what += f", certain within {format_amount(change.margin, measure.unit)}"
    return Finding(
        rule=expression.text,
        status=status,
        measure=measure.name,
        scope=scope,
        value=f"{sign}{format_amount(abs(delta), measure.unit)}{share}",
        limit=expression.limit_text(),
        message=f"{what}; {_WORDS[status]} {expression.limit_text()}{_reason(base, new, expression, change, status)}.",
        query="fault/by_kind",
        data={
            "base": change.base,
            "new": change.new,
            "change": delta,
            "margin": change.margin,
            "allowed": expression.allowed(change.base),
            "unit": measure.unit,
            "base_count": len(base),
            "new_count": len(new),
        },
    )


_WORDS = {"ok": "allowed is", "broken": "over the allowed", "undecided": "can't be told from the allowed"}


def _status(base: Sequence[Subject], new: Sequence[Subject], expression: Expression, change: Change) -> Status:
    delta, allowed = change.amount, expression.allowed(change.base)
    beyond = delta > allowed if expression.grows else delta < allowed
    lossy = any(subject.is_lossy for subject in (*base, *new))
    if not beyond:
        return "undecided" if lossy else "ok"
    if lossy or (expression.measure.is_time and not change.has_noise):
        return "undecided"
    # over the limit, and more than noise: a repeated side must not fail the build by chance
    return "broken" if abs(delta) > change.margin else "undecided"


def _reason(base: Sequence[Subject], new: Sequence[Subject], expression: Expression, change: Change, status: Status) -> str:
    if status != "undecided":
        return ""
    if any(subject.is_lossy for subject in (*base, *new)):
        return ": events were lost"
    if expression.measure.is_time and not change.has_noise:
        return ": times differ from run to run; repeat the recordings (--base, --new)"
    return ": the runs differ as much among themselves"


def _names(side: Sequence[Subject]) -> str:
    return side[0].name if len(side) == 1 else f"{side[0].name} and {len(side) - 1} more"
