"""Help: every command explains itself with examples, stands in the README, and answers at once."""

from __future__ import annotations

import importlib
import itertools
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from cowtrace.commands import REGISTRY
from tests.support.cli import cowtrace

README = Path(__file__).resolve().parent.parent / "README.md"
COMMANDS = pytest.mark.parametrize("name", REGISTRY)
#: Seconds that --help may take longer than an interpreter that does nothing.
SLACK_S = 0.15


@COMMANDS
def test_docstring_ends_in_examples(name: str) -> None:
    command: click.Command = importlib.import_module(f"cowtrace.commands.{name}").command
    assert isinstance(command, click.Command)
    text = command.callback.__doc__ if command.callback else None
    assert text is not None
    _, mark, examples = text.partition("\b\n    Examples:\n")
    assert mark, "the docstring ends in a paragraph of examples that click must not wrap"
    lines = [line.strip() for line in examples.strip().splitlines()]
    assert lines
    assert any(line.startswith(f"cowtrace {name}") for line in lines)


@COMMANDS
def test_help(capfd: pytest.CaptureFixture[str], name: str) -> None:
    ran = cowtrace(capfd, name, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"Usage: cowtrace {name}")
    assert f"  cowtrace {name}" in ran.out


@COMMANDS
def test_readme_names_the_command(name: str) -> None:
    assert f"cowtrace {name}" in README.read_text(encoding="utf-8")


def test_the_overview_lists_all(capfd: pytest.CaptureFixture[str]) -> None:
    out = cowtrace(capfd, "--help").out
    for name, line in REGISTRY.items():
        assert f"  {name} " in out
        assert line.endswith(".")


def test_an_unknown_command(capfd: pytest.CaptureFixture[str]) -> None:
    ran = cowtrace(capfd, "reprot")
    assert ran.code == 2
    assert ran.err.startswith("cowtrace: error: unknown command 'reprot': did you mean report")


@pytest.mark.parametrize("arguments", [["--help"], *([name, "--help"] for name in REGISTRY)], ids=" ".join)
def test_help_is_quick(arguments: list[str]) -> None:
    """The quickest of several starts each, taken in turn: other load on the machine hits both alike."""
    empty, ours = 9.0, 9.0
    for _ in range(12):
        empty = min(empty, _seconds("-c", "pass"))
        ours = min(ours, _seconds("-m", "cowtrace", *arguments))
        if ours - empty < SLACK_S:
            return
    assert ours - empty < SLACK_S


def _seconds(*arguments: str) -> float:
    """Processor time of a start that waits for nothing: what it takes on a machine with nothing else to do."""
    child = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    return usage.ru_utime + usage.ru_stime


@COMMANDS
def test_examples_parse(name: str) -> None:
    """Every example of a command's own is one that it takes: options exist, choices are choices."""
    command: click.Command = importlib.import_module(f"cowtrace.commands.{name}").command
    assert command.callback is not None
    _, _, examples = (command.callback.__doc__ or "").partition("\b\n    Examples:\n")
    for line in examples.strip().splitlines():
        lexer = shlex.shlex(re.split(r"\s{2,}", line.strip())[0], posix=True, punctuation_chars=True)
        words = list(itertools.takewhile(lambda word: word not in ("|", ">", ">>", "&&"), lexer))
        while words and "=" in words[0]:
            words.pop(0)  # variables of the environment
        if words[:1] == ["sudo"]:
            words.pop(0)
        if words[:2] != ["cowtrace", name]:
            continue
        context = click.Context(command, info_name=name)
        values, _, _ = command.make_parser(context).parse_args(words[2:])
        for option in command.params:
            given = values.get(option.name or "")
            if isinstance(option.type, click.Choice) and isinstance(given, str):
                assert given in option.type.choices, line
