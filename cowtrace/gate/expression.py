"""What a difference fails on: ``copied_bytes > +5%``, ``copies{process=redis*,kind=cow_copy} > +100``, ``faults < -10%``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cowtrace.errors import UsageError, unknown_name
from cowtrace.gate.amount import format_amount, parse_amount
from cowtrace.gate.budgets import check_scope
from cowtrace.gate.measures import SCOPES, Measure, measure_of

_FORM = re.compile(r"\s*(\w+)\s*(?:\{([^{}]*)\})?\s*([<>])\s*([+-]?)\s*([^%]*?)\s*(%?)\s*")


@dataclass(frozen=True, slots=True)
class Expression:
    """One condition on a change.

    Attributes:
        text: As written.
        measure: What is compared.
        scope: Parts of the recordings that count.
        grows: ``>``: fails when the change is above the limit; else when it is below.
        limit: Change that is still allowed: a share of the base when ``is_share``, else in the measure's unit.
        is_share: The limit is relative.
    """

    text: str
    measure: Measure
    scope: dict[str, str]
    grows: bool
    limit: float
    is_share: bool

    def allowed(self, base: float) -> float:
        """The change that is still allowed, in the measure's unit."""
        return self.limit * base if self.is_share else self.limit

    def limit_text(self) -> str:
        """The limit as people read it."""
        if self.is_share:
            return f"{100 * self.limit:+.3g} %"
        return f"{'-' if self.limit < 0 else '+'}{format_amount(abs(self.limit), self.measure.unit)}"


def parse_expression(text: str) -> Expression:
    """Read one ``--fail-on``.

    Raises:
        UsageError: Not of that form, or a measure, part or unit that does not exist.
    """
    found = _FORM.fullmatch(text)
    if found is None or not found[5]:
        raise UsageError(f"--fail-on {text!r}: expected MEASURE[{{PART=PATTERN,...}}] > +LIMIT[%], such as 'copied_bytes > +5%'")
    measure = measure_of(found[1])
    scope = {}
    for part in filter(None, map(str.strip, (found[2] or "").split(","))):
        key, equals, pattern = part.partition("=")
        if key.strip() not in SCOPES:
            raise unknown_name("part", key.strip(), SCOPES)
        if not equals:
            raise UsageError(f"--fail-on {text!r}: {part!r} has no pattern; write {key}=PATTERN")
        scope[key.strip()] = pattern.strip()
    check_scope(measure, scope, None)
    sign = -1 if found[4] == "-" else 1
    try:
        limit = float(found[5]) / 100 if found[6] else float(parse_amount(found[5], measure.unit))
    except ValueError as error:
        raise UsageError(f"--fail-on {text!r}: {error}") from None
    return Expression(text.strip(), measure, scope, found[3] == ">", sign * limit, bool(found[6]))
