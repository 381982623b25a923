"""Lists the upper layers of overlay mounts before and after a recording, and writes down what changed."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from cowtrace.errors import HostError
from cowtrace.parsers.procfs.overlay import SCHEMA
from cowtrace.recording import clock
from cowtrace.recording.collector import Collector, Scene
from cowtrace.recording.overlay.compare import Budget, changed_bytes, differences, left_behind, lower_entry
from cowtrace.recording.overlay.mounts import AUTO, OverlayMount, default_metacopy
from cowtrace.recording.overlay.tree import MAX_ENTRIES, Entry, walk
from cowtrace.text import decode_name

#: Inode, size, blocks in bytes, time of change, metacopy.
_State = tuple[int, int, int, int, bool | None]


@dataclass(slots=True)
class _Listed:
    """The first listing of a mount."""

    mount: OverlayMount
    start: clock.Moment
    states: dict[bytes, _State] = field(default_factory=dict)
    complete: bool = True


def check_rights(mounts: Sequence[OverlayMount], *, wanted: str) -> tuple[list[OverlayMount], list[str]]:
    """The mounts whose upper layer can be listed, and a sentence for each other; refuses before anything runs.

    Args:
        mounts: What was chosen.
        wanted: As given. Only ``AUTO`` goes on without a layer that lies in another mount namespace, as from within a container.

    Raises:
        HostError: An upper layer can't be read, or is not to be found from here.
    """
    readable, notes = [], []
    for mount in mounts:
        try:
            os.listdir(mount.upper)
            readable.append(mount)
        except PermissionError:
            raise HostError(f"--overlay: the upper layer {mount.upper} of {mount.mount_point} can't be read: run as root") from None
        except OSError as error:
            relative = "its path is relative to where it was mounted; mount it by an absolute path"
            elsewhere = "it lies in another mount namespace: run cowtrace where it was mounted"
            why = relative if not os.path.isabs(mount.upper) else elsewhere
            problem = f"the upper layer {mount.upper} of {mount.mount_point} can't be read ({error.strerror}): {why}"
            if wanted != AUTO:
                raise HostError(f"--overlay: {problem}") from None
            notes.append(f"{problem}; without its listing, copy-ups have no names")
    return readable, notes


class Overlay(Collector):
    """``overlay/<mount_id>.changes.zst`` for each mount; the form is that of ``cowtrace.parsers.procfs.overlay``.

    Args:
        mounts: What to list.
        notes: What could not be listed.
    """

    def __init__(self, mounts: Sequence[OverlayMount], notes: Sequence[str] = ()) -> None:
        super().__init__()
        self.notes += notes
        self._mounts = mounts
        self._listed: list[_Listed] = []

    def start(self, scene: Scene) -> None:
        self.scene = scene
        for mount in self._mounts:
            listed = _Listed(mount, clock.now())
            for entry in self._entries(listed):
                listed.states[entry.path] = _state(entry)
            self._listed.append(listed)

    def stop(self) -> None:
        folder = self.scene.folder / "overlay"
        if self._listed:
            folder.mkdir(exist_ok=True)
        for listed in self._listed:
            self._write(listed, folder / f"{listed.mount.mount_id}.changes.zst")

    def facts(self) -> dict[str, Any]:
        return {"overlays": [mount.as_json() for mount in self._mounts]}

    def _entries(self, listed: _Listed) -> list[Entry]:
        prefix = "user.overlay." if listed.mount.user_xattrs else "trusted.overlay."
        entries = walk(os.fsencode(listed.mount.upper), prefix)
        found = list(islice(entries, MAX_ENTRIES))
        if len(found) == MAX_ENTRIES and next(entries, None) is not None:
            listed.complete = False
            self.note(f"the upper layer {listed.mount.upper} has more than {MAX_ENTRIES} entries: the rest was not listed")
        if any(entry.copied is None for entry in found):
            self.note(f"overlay attributes in {listed.mount.upper} can't be read without root: copied and new files look alike")
        return found

    def _write(self, listed: _Listed, path: Path) -> None:
        import zstandard

        end = clock.now()
        entries = self._entries(listed)
        lines = self._changes(listed, entries)
        before, after = listed.states, {entry.path: _state(entry) for entry in entries}
        gone = [state for name, state in before.items() if name not in after]
        mount = {**listed.mount.as_json(), "upper_dev": entries[0].dev if entries else _dev(listed.mount.upper)}
        if mount["metacopy"] is None:
            mount["metacopy"] = default_metacopy()
        head = {
            "schema": SCHEMA,
            "mount": mount,
            "start": listed.start.as_json(),
            "end": end.as_json(),
            "before": _total(before.values()),
            "after": _total(after.values()),
            "removed": _total(gone),
            "complete": listed.complete,
        }
        text = "\n".join(json.dumps(line) for line in [head, *lines]) + "\n"
        path.write_bytes(zstandard.ZstdCompressor(level=3).compress(text.encode()))

    def _changes(self, listed: _Listed, entries: Sequence[Entry]) -> list[dict[str, Any]]:
        budget = Budget()
        layers = [os.fsencode(layer) for layer in listed.mount.lower]
        upper = os.fsencode(listed.mount.upper)
        left = left_behind(entries, layers)
        lines = []
        for entry in entries:
            before = listed.states.get(entry.path)
            if before == _state(entry):
                continue
            line = _described(entry)
            if before is not None:
                line |= {"before_inode": before[0], "before_size_bytes": before[1], "before_metacopy": before[4]}
            # without attributes, what a lower layer has too may have been copied
            pair = lower_entry(entry, layers, left) if entry.copied is not False else None
            if pair:
                layer, below = pair
                found = differences(entry, below)
                if entry.type == "file" and not entry.metacopy:
                    changed = changed_bytes(os.path.join(upper, entry.path), os.path.join(layer, below.path), budget)
                    line["changed_bytes"] = changed
                    found += ["content"] if changed else []
                line |= {"lower_size_bytes": below.size_bytes, "lower_alloc_bytes": below.alloc_bytes, "lower_inode": below.inode}
                line["differs"] = "|".join(found)
            lines.append(line)
        return lines


def _described(entry: Entry) -> dict[str, Any]:
    names = ("type", "inode", "dev", "size_bytes", "alloc_bytes", "mtime_ns", "ctime_ns", "birth_ns", "copied", "metacopy")
    values = {name: getattr(entry, name) for name in names}
    redirect = None if entry.redirect is None else decode_name(entry.redirect)
    return {"path": decode_name(entry.path), **values, "redirect": redirect}


def _state(entry: Entry) -> _State:
    return entry.inode, entry.size_bytes, entry.alloc_bytes, entry.ctime_ns, entry.metacopy


def _total(states: Any) -> dict[str, int]:
    kept = list(states)
    return {"entries": len(kept), "alloc_bytes": sum(state[2] for state in kept)}


def _dev(path: str) -> str:
    device = os.stat(path).st_dev
    return f"{os.major(device)}:{os.minor(device)}"
