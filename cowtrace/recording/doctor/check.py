"""One row of the doctor's table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: ``ok``; ``lack``: something that a level would record is not; ``absent``: something that no level needs is not there;
#: ``info``: a fact that decides what recordings show, neither good nor bad.
State = Literal["ok", "lack", "absent", "info"]


@dataclass(frozen=True, slots=True)
class Check:
    """What was found.

    Attributes:
        name: The question, in a few words.
        state: See ``State``.
        found: The answer, one line.
        costs: What is lost when a lack or an absence is left as it is.
        fix: The command or step that changes it; empty when nothing on this host does.
    """

    name: str
    state: State
    found: str
    costs: str = ""
    fix: str = ""
