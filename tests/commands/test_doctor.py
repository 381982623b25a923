"""``cowtrace doctor``: the table, the JSON, --require."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cowtrace.commands.doctor import command
from cowtrace.errors import CowtraceError, FindingError
from tests.support.fake_perf import install_fake_perf
from tests.support.hosts import NO_CAPABILITIES, make_host


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of 200 columns without colours."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture
def able(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that allows everything."""
    install_fake_perf(tmp_path, monkeypatch)
    host = make_host(tmp_path / "host", {"proc/kallsyms": "ffffffff81000000 T _stext\n", "sys/kernel/tracing/available_tracers": "nop"})
    monkeypatch.setattr("cowtrace.recording.host.this_host", lambda: host)


@pytest.fixture
def unable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default host of a user without rights."""
    install_fake_perf(tmp_path, monkeypatch)
    host = make_host(tmp_path / "host", capabilities=NO_CAPABILITIES)
    monkeypatch.setattr("cowtrace.recording.host.this_host", lambda: host)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments), standalone_mode=False)


@pytest.mark.usefixtures("able")
def test_the_verdict_comes_first() -> None:
    result = run()
    assert result.exception is None
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    assert lines[:3] == [
        "level low      can be recorded in full",
        "level standard can be recorded in full",
        "level full     can be recorded in full",
    ]
    assert lines[4].startswith("perf                ok      6.1.0 (")
    assert "What lacks" not in result.stdout
    # no level needs them: told apart from what lacks
    assert "What no level needs, and this host has not" in lines
    assert "    -> boot a kernel with CONFIG_FUNCTION_GRAPH_TRACER=y" in lines


@pytest.mark.usefixtures("unable")
def test_every_lack_comes_with_its_price_and_its_fix() -> None:
    result = run()
    assert result.exception is None
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    assert lines[0] == "level low      can be recorded, but lacks faults in kernel mode, --phys-data"
    assert (
        lines[1] == "level standard can be recorded, but lacks faults in kernel mode, --phys-data, exceptions:page_fault_user and 22 more"
    )
    start = lines.index("What lacks, and how to change it")
    assert lines[start + 1 : start + 6] == [
        "  physical addresses: a copied page can't be told from a reused one by its frame",
        "  events of standard: level standard tells no more than low",
        "  events of full: level full tells no more than standard",
        "  rights: level low only; a copied page can't be told from a reused one by its frame",
        "    -> run as root, or `sudo sysctl kernel.perf_event_paranoid=-1`",
    ]


@pytest.mark.usefixtures("able")
def test_json() -> None:
    data = json.loads(run("--format", "json").stdout)
    assert data["schema"] == "cowtrace.doctor/1"
    assert [level["complete"] for level in data["levels"]] == [True, True, True]
    assert {check["state"] for check in data["checks"]} <= {"ok", "lack", "absent", "info"}


@pytest.mark.usefixtures("able")
def test_a_required_level_that_is_there() -> None:
    assert run("--require", "full").exception is None


@pytest.mark.usefixtures("unable")
def test_a_required_level_that_is_not() -> None:
    result = run("--require", "low")
    assert isinstance(result.exception, FindingError)
    assert result.exception.exit_code == 1
    assert str(result.exception) == "this host can't record level low in full: it lacks faults in kernel mode, --phys-data"


def test_without_perf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COWTRACE_PERF", "no-such-perf")
    monkeypatch.setattr("cowtrace.recording.host.this_host", lambda: make_host(tmp_path))
    result = run()
    assert result.exception is None
    assert result.stdout.splitlines()[0].startswith(
        "level low      can't be recorded: no-such-perf not found: cowtrace records with perf; install it with"
    )
    required = run("--require", "low").exception
    assert isinstance(required, CowtraceError) and required.exit_code == 1
