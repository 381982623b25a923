"""The report for terminals and pipes: read as a whole, and at every width."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.cells import cell_len

from cowtrace.report import render
from cowtrace.report.bill import Report, compose
from tests.support.bill import small_bill

GOLDEN = Path(__file__).with_name("small_bill_80.txt")
LOSS = "source_id ts_ns lost_events reason\n0 1 5 lost\n0 - 5 lost_samples"
SMAPS = "ts_ns tgid form rss_kb pss_kb private_dirty_kb shared_dirty_kb shared_clean_kb anonymous_kb\n1 12 smaps 100 60 10 80 0 90"
COPYUP = r"""
ts_ns duration_ns comm trigger    path             copied_bytes
1     14500000    sed  open_write /etc/\x1b[1m.conf 16777216
"""


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Report]:
    folder = tmp_path_factory.mktemp("text")
    return (
        compose(small_bill(folder / "plain", loss=LOSS, source="source_id path\n0 perf.data")),
        compose(small_bill(folder / "hostile", hostile=True, smaps=SMAPS, copyup=COPYUP)),
    )


def test_the_whole_report(reports: tuple[Report, Report]) -> None:
    text = render(reports[0], "text", width=80)
    assert text.replace(reports[0].provenance.store, "STORE") == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_it_fits_the_terminal(reports: tuple[Report, Report], width: int) -> None:
    for report in reports:
        for line in render(report, "text", width=width).splitlines():
            assert cell_len(line) <= width or " " not in line.strip(), line
            assert line == line.rstrip()


def test_names_cannot_drive_the_terminal(reports: tuple[Report, Report]) -> None:
    text = render(reports[1], "text")
    assert {char for char in text if not char.isprintable()} == {"\n"}
    assert r"2 processes and 1 fork, first of all \x1b[31m|\n<b> (pid 12, 80 % of the time): 12 faults" in text
    assert r"/x\r\n|\u202e[a](b) at 0x9000" in text
    assert r"/etc/\x1b[1m.conf" in text


def test_color_is_only_there_when_asked_for(reports: tuple[Report, Report]) -> None:
    painted = render(reports[1], "text", width=80, color=True)
    assert "\x1b[1m" in painted
    assert "\x1b[31m|" not in painted


def test_numbers_have_units(reports: tuple[Report, Report]) -> None:
    text = render(reports[1], "text")
    assert "16 MiB  14.5 ms" in text  # the copy-up
    assert "100 KiB  60 KiB   10 KiB  80 KiB      80 KiB" in text  # the snapshot with its bound of further copies
