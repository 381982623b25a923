"""What bash offers at the Tab key."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from cowtrace.cli import cli
from cowtrace.ingest.progress import rate


def _offered(typed: str) -> list[str]:
    """Completions of a command line whose last word is unfinished."""
    from click.shell_completion import BashComplete

    words = typed.split(" ")
    return [item.value for item in BashComplete(cli, {}, "cowtrace", "_COWTRACE_COMPLETE").get_completions(words[1:-1], words[-1])]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("cowtrace rep", ["report", "replay"]),
        ("cowtrace report --for", ["--format", "--force"]),
        ("cowtrace report --format h", ["html"]),
        ("cowtrace query x cow/by_p", ["cow/by_process"]),
        ("cowtrace query x overlay_", ["overlay_change", "overlay_mount"]),
        ("cowtrace query --describe fork/s", ["fork/summary"]),
        ("cowtrace replay --what-if thp=", ["thp=never", "thp=madvise", "thp=always"]),
        ("cowtrace replay --what-if pref", ["prefault="]),
    ],
)
def test_offered(typed: str, offered: list[str]) -> None:
    assert sorted(_offered(typed)) == sorted(offered)


@pytest.mark.parametrize("typed", ["report per", "info per", "query per", "diff a per", "replay per", "export per", "script per"])
def test_recordings_are_files(typed: str) -> None:
    from click.shell_completion import BashComplete

    words = typed.split(" ")
    (item,) = BashComplete(cli, {}, "cowtrace", "_COWTRACE_COMPLETE").get_completions(words[:-1], words[-1])
    assert (item.type, item.value) == ("file", "per")  # the shell lists the files itself


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_bash_takes_the_script() -> None:
    python = f"'{sys.executable}' -m cowtrace"
    script = f'cowtrace() {{ {python} "$@"; }}; eval "$(_COWTRACE_COMPLETE=bash_source cowtrace)" && complete -p cowtrace'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "complete -o nosort -F _cowtrace_completion cowtrace\n"


@pytest.mark.parametrize(("events_s", "said"), [(None, ""), (0.0, ""), (12_345.6, "12,346/s"), (1_250_000.0, "1.2 million/s")])
def test_rate(events_s: float | None, said: str) -> None:
    assert rate(events_s) == said
