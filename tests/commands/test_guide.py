"""cowtrace guide: what it recommends exists."""

from __future__ import annotations

import importlib
import json
import shlex

import click
import pytest

from cowtrace.commands import REGISTRY
from cowtrace.commands.guide import GUIDE, Advice
from cowtrace.queries import catalog
from tests.support.cli import cowtrace


@pytest.mark.parametrize("advice", GUIDE, ids=lambda advice: advice.question)
def test_every_command_line_is_accepted(advice: Advice) -> None:
    program, name, *arguments = shlex.split(advice.command)
    assert program == "cowtrace"
    assert name in REGISTRY
    command: click.Command = importlib.import_module(f"cowtrace.commands.{name}").command
    with command.make_context(name, arguments, resilient_parsing=True) as context:
        parsed = context.params
    for option in arguments:
        if option == "--":
            break
        if option.startswith("-"):
            assert any(option in parameter.opts for parameter in command.params), option
    question = parsed.get("question")
    if question is not None and " " not in str(question):
        assert question in catalog()


def test_json(capfd: pytest.CaptureFixture[str]) -> None:
    document = json.loads(cowtrace(capfd, "guide", "--format", "json").out)
    assert document["schema"] == "cowtrace.guide/1"
    assert len(document["advice"]) == len(GUIDE)


def test_text(capfd: pytest.CaptureFixture[str]) -> None:
    assert cowtrace(capfd, "guide").out.startswith("What can this host record, and what must I change?\n    cowtrace doctor")
