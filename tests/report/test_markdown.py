"""The report as Markdown: names from the trace are text, never markup."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cowtrace.report import render
from cowtrace.report.bill import compose
from cowtrace.report.markdown import escape
from tests.support.bill import small_bill


def test_report(tmp_path: Path) -> None:
    lines = render(compose(small_bill(tmp_path / "s")), "md").splitlines()
    assert lines[0] == (
        "**redis (pid 12) and its 1 fork: 12 faults, 5 copies (at most 8) = 20 KiB, 8 KiB zeroed, "
        "10 µs in the faults that were timed (83 %), 65 % of it caused by fork 0 at 400 ms.**"
    )
    start = lines.index("## Which fork caused it")
    assert lines[start + 2 : start + 8] == [
        "| fork | who paid | faults | copies | reuses | copied | time | the fork itself |",
        "|---|---|---:|---:|---:|---:|---:|---|",
        "| 0 at 400 ms | parent redis (12) | 4 | 3 | 1 | 12 KiB | 5.5 µs | took 26 µs |",
        "|  | child redis (13) | 1 | 1 | 0 | 4 KiB | 1 µs | exit after 300 ms |",
        "| **no fork** |  | **7** | **1** | **0** | **4 KiB** | **3.5 µs** |  |",
        "| **all** |  | **12** | **5** | **1** | **20 KiB** | **10 µs** |  |",
    ]


def test_names_stay_in_their_cells(tmp_path: Path) -> None:
    text = render(compose(small_bill(tmp_path / "s", hostile=True)), "md")
    assert "<" not in text
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert tables
    columns = 0
    for line in tables:
        separators = len(re.findall(r"(?<!\\)\|", line))
        if "---" in line:
            assert separators == columns
        columns = separators
    assert r"first of all \\x1b\[31m\|\\n&lt;b&gt; (pid 12, 80 % of the time)" in text


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("cow_copy", "cow_copy"),
        ("_init_", r"\_init\_"),
        ("a|b", r"a\|b"),
        ("<script>", "&lt;script&gt;"),
        ("&lt;", "&amp;lt;"),
        ("[a](http://b)", r"\[a\](http://b)"),
        ("`*~#", r"\`\*\~\#"),
        ("a\nb", r"a\\nb"),
        ("\\", r"\\"),
    ],
)
def test_escape(name: str, escaped: str) -> None:
    assert escape(name) == escaped
