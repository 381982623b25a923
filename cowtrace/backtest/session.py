"""A back-test from the first check to the finished folder.

settings planned ─ folder.partial ─ N runs recorded ─ settings turned ─ N runs recorded ─ settings put back ─ stores made ─ replayed ─
compared ─ backtest.json ─ renamed

All runs are recorded before the first store is made: recording waits for signals in the only thread of the program, and the libraries that
read and write tables start threads of their own.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cowtrace.backtest.result import BackTest
from cowtrace.errors import UsageError
from cowtrace.recording.held import held, put_back_left, signals_as_interrupts
from cowtrace.recording.host import Host
from cowtrace.recording.knobs import Setting, current, settings_of
from cowtrace.recording.runs import apart_from_results, record_once
from cowtrace.recording.settings import machine
from cowtrace.recording.workload import find_program
from cowtrace.replay.scenario import parse

RESULT = "backtest.json"


@dataclass(frozen=True, slots=True)
class BackTestRequest:
    """What to back-test.

    Attributes:
        what_if: Knobs, ``thp=never``.
        command: The command and its arguments.
        repeat: Runs under each setting.
        level: Recording level.
        path: Folder to make.
        force: Replace an earlier back-test there.
    """

    what_if: Sequence[str]
    command: Sequence[str]
    repeat: int
    level: str
    path: Path
    force: bool


def back_test(request: BackTestRequest, host: Host, say: Callable[[str], None]) -> BackTest:
    """Run it, and leave the finished folder or nothing.

    Raises:
        CowtraceError: As recording, ingesting and replaying; a knob that can't be set; settings that are so already.
        KeyboardInterrupt: Interrupted; the settings are put back.
    """
    parse(request.what_if)  # what can't be predicted is refused before anything runs
    for what_if in request.what_if:
        settings_of(what_if, host)  # and so is what can't be set
    put_back_left(host, say)
    settings = [setting for what_if in request.what_if for setting in settings_of(what_if, host)]
    if not settings:
        raise UsageError(f"{' '.join(request.what_if)}: this host is set so already, so there is nothing to compare; see `cowtrace doctor`")
    find_program(request.command[0])
    check_folder(request.path, force=request.force)
    with _partial_folder(request.path) as partial:
        with signals_as_interrupts():
            turned = [{"path": one.path, "before": current(host, one.path), "during": one.value} for one in settings]
            before, after, exit_codes = _record(request, settings, partial, host, say)
        facts = {
            "command": list(request.command),
            "level": request.level,
            "host": machine(host),
            "settings": turned,
            "exit_codes": exit_codes,
        }
        test = _judge(request, before, after, facts, say)
        (partial / RESULT).write_text(json.dumps(test.as_json(), indent=1) + "\n", encoding="utf-8")
        if request.path.exists():
            shutil.rmtree(request.path)
        os.replace(partial, request.path)
    return test


@contextmanager
def _partial_folder(path: Path) -> Iterator[Path]:
    """``PATH.partial``, removed at the end unless it was renamed; its lock goes with its process, so a dead one's folder is cleared."""
    partial = path.with_name(path.name + ".partial")
    partial.mkdir(exist_ok=True)
    descriptor = os.open(partial, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(f"{path}: another back-test is being written there; wait for it, or choose another name with -o") from None
        for left in partial.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        try:
            yield partial
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    finally:
        os.close(descriptor)


def check_folder(path: Path, *, force: bool) -> None:
    """Refuse a folder that is in the way, before the work is done.

    Raises:
        UsageError: It exists and is not to be replaced.
    """
    if path.exists() or path.is_symlink():
        if not (path / RESULT).is_file():
            raise UsageError(f"{path}: exists and is not a back-test, so it is never overwritten; choose another name with -o")
        if not force:
            raise UsageError(f"{path}: exists; --force replaces it, -o FOLDER writes another")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.absolute().parent} to write it in")


def _record(
    request: BackTestRequest, settings: Sequence[Setting], folder: Path, host: Host, say: Callable[[str], None]
) -> tuple[list[Path], list[Path], list[int | None]]:
    """The recordings before and after, and how the command ended in each; progress in one line each."""
    exit_codes: list[int | None] = []

    def runs(name: str) -> list[Path]:
        made = []
        for number in range(1, request.repeat + 1):
            path = folder / f"{name}.{number}.rec"
            outcome = record_once(request.command, request.level, path, host, say, occupancy=True)
            exit_codes.append(outcome.exit_code)
            say(f"run {number} of {request.repeat} {name} the change: exit code {outcome.exit_code}")
            made.append(path)
        return made

    with apart_from_results():
        before = runs("before")
        with held(host, settings, say):
            say(f"set {', '.join(f'/{one.path} to {one.value}' for one in settings)}")
            after = runs("after")
    say("settings put back")
    return before, after, exit_codes


def _judge(
    request: BackTestRequest, before: Sequence[Path], after: Sequence[Path], facts: dict[str, Any], say: Callable[[str], None]
) -> BackTest:
    from cowtrace.backtest.measured import measure
    from cowtrace.ingest import ingest
    from cowtrace.replay import replay

    stores = []
    for recording in [*before, *after]:
        stores.append(ingest([recording], recording.with_suffix(""), quiet=True))
        shutil.rmtree(recording)
    predictions = [replay(store, list(request.what_if)).to_dict() for store in stores[: len(before)]]
    runs = [measure(store) for store in stores]
    return BackTest(
        what_if=request.what_if,
        title=" ".join(request.command),
        predictions=predictions,
        before=runs[: len(before)],
        after=runs[len(before) :],
        facts=facts,
        notes=_notes(request, facts["exit_codes"]),
    )


def _notes(request: BackTestRequest, exit_codes: Sequence[int | None]) -> list[str]:
    notes = []
    if request.repeat == 1:
        notes.append("One run under each setting: how far runs differ without any change is not known (--repeat 3).")
    failed = [code for code in exit_codes if code]
    if failed:
        notes.append(f"The command failed in {len(failed)} of {len(exit_codes)} runs (exit code {failed[0]}): they may have done less.")
    return notes
