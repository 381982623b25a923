"""Who wrote: the functions of a report."""

from __future__ import annotations

from pathlib import Path

import pytest

from cowtrace.report import render
from cowtrace.report.bill import compose
from cowtrace.report.function_section import function_section
from cowtrace.report.section import Row
from tests.support.bill import small_bill
from tests.support.coded import coded


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COWTRACE_CACHE", str(tmp_path / "cache"))


def test_functions_and_the_rest_are_all_faults(tmp_path: Path) -> None:
    section = function_section(compose(coded(tmp_path), top=2))
    assert section is not None
    assert [head.title for head in section.heads] == ["function", "file", "faults", "copies", "copied", "zeroed", "time"]
    assert section.rows == [
        Row(("ns::dirty(char*)", "app", "3", "2", "8 KiB", "4 KiB", "60 ns")),
        Row(("copy_page", "[kernel.kallsyms]", "1", "1", "4 KiB", "0 B", "50 ns")),
        Row(("4 functions more", "", "4", "0", "0 B", "16 KiB", "55 ns"), is_sum=True),
        Row(("all", "", "8", "3", "12 KiB", "20 KiB", "165 ns"), is_sum=True),
    ]


def test_what_has_no_name_says_why(tmp_path: Path) -> None:
    section = function_section(compose(coded(tmp_path, with_file=False)))
    assert section is not None
    assert section.rows[0].cells[:3] == ("(no name)", "app", "6")
    assert section.notes == [f"No names: {tmp_path / 'app'}: no such file here."]


def test_a_recording_without_instructions_has_no_such_section(tmp_path: Path) -> None:
    assert function_section(compose(small_bill(tmp_path / "s"))) is None


@pytest.mark.parametrize("form", ["text", "md", "html"])
def test_hostile_names_are_inert(tmp_path: Path, form: str) -> None:
    text = render(compose(coded(tmp_path)), form)
    assert "ns::dirty" in text
    assert "\x1b" not in text
    if form != "text":
        assert "[31m<b>" not in text
