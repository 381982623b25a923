"""The report as a page: well-formed, closed to hostile names, and quiet in a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from cowtrace.report import render
from cowtrace.report.bill import compose
from cowtrace.report.html import _script_json
from cowtrace.store.reader import Store
from tests.support.bill import small_bill
from tests.support.stores import event, make_store

BROWSER = shutil.which("chromium") or shutil.which("chromium-headless-shell")
#: Names that would leave a text node, an attribute, a script element or plotly's own markup.
ATTACK = r"</script><img\u0020src=x\u0020onerror=document.title='owned'>"


class Outline(HTMLParser):
    """Titles, table cells and scripts of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.cells: list[str] = []
        self.inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.inside = tag

    def handle_data(self, data: str) -> None:
        if self.inside in ("td", "h1") and data.strip():
            self.cells.append(data)


def test_the_numbers_are_those_of_the_other_formats(tmp_path: Path) -> None:
    page = render(compose(small_bill(tmp_path / "s")), "html")
    outline = Outline(page)
    assert outline.cells[0].startswith("redis (pid 12) and its 1 fork: 12 faults, 5 copies (at most 8) = 20 KiB")
    start = outline.cells.index("parent redis (12)")
    assert outline.cells[start - 1 : start + 6] == ["0 at 400 ms", "parent redis (12)", "4", "3", "1", "12 KiB", "5.5 µs"]
    names = [figure["name"] for figure in json.loads(re.findall(r'type="application/json">(.*?)</script>', page)[0])]
    assert names == ["timeline", "latency", "fork_bill", "heat_map", "what_if"]
    assert "cowtrace query STORE cow/fork_bill" in page
    assert len(page) < 6 << 20
    assert "Content-Security-Policy\" content=\"default-src 'none'" in page  # nothing can be fetched from anywhere


def test_hostile_names_are_text(tmp_path: Path) -> None:
    page = render(compose(_attacked(tmp_path)), "html")
    tags = Outline(page).tags
    assert (tags.count("script"), tags.count("img"), tags.count("b")) == (3, 0, 0)
    assert "onerror=document" in page  # it is shown, not run


def test_script_json_cannot_end_its_element() -> None:
    assert _script_json(["</script><!--&", None]) == '["\\u003c/script\\u003e\\u003c!--\\u0026",null]'


@pytest.mark.skipif(BROWSER is None, reason="no chromium installed")
@pytest.mark.parametrize("width", [390, 820, 1280])
def test_a_browser_draws_it_without_complaint(tmp_path: Path, width: int) -> None:
    (tmp_path / "page.html").write_text(render(compose(_attacked(tmp_path)), "html"), encoding="utf-8")
    done = subprocess.run(
        [
            str(BROWSER),
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--enable-logging=stderr",
            "--virtual-time-budget=8000",
            f"--window-size={width},6000",
            "--dump-dom",
            f"file://{tmp_path / 'page.html'}",
        ],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "CONSOLE" not in done.stderr
    assert done.stdout.count('class="main-svg"') >= 4
    assert "<title>cowtrace: " in done.stdout
    assert "<title>owned" not in done.stdout


def _attacked(tmp_path: Path) -> Store:
    """A store whose every name attacks."""
    return make_store(
        tmp_path / "attacked",
        sources=[{"events": [event("page-faults", "addr ip tid ts_ns", 3)], "first_ns": 1_000_000_000, "hostname": "<b>host"}],
        fault=f"""
ts_ns      duration_ns tgid comm     mm_id kind      copied_bytes zeroed_bytes fork_id fork_side vma_id evidence confidence addr
1500000000 2000        12   {ATTACK} 0     cow_copy  4096         0            0       parent    0      frames   1.0        0x1000
1600000000 2000        12   {ATTACK} 0     cow_copy  4096         0            0       parent    0      frames   1.0        0x2000
1700000000 2000        13   <b>x     1     cow_reuse 0            0            0       child     0      frames   1.0        0x1000
""",
        process=f"mm_id tgid comm parent_mm_id start_ns end_ns how\n0 12 {ATTACK} - 0 - seen\n1 13 <b>x 0 1400000000 - fork",
        fork="fork_id ts_ns parent_tgid child_tgid parent_mm_id child_mm_id execed\n0 1400000000 12 13 0 1 no",
        vma=f"vma_id mm_id start_addr end_addr path vma_kind\n0 0 0x1000 0x9000 {ATTACK} file_private",
        copyup=f"ts_ns comm trigger path copied_bytes metadata_only written_bytes\n1500000000 {ATTACK} chown /{ATTACK} 4096 no 0",
    )
