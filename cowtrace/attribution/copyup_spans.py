"""Overlay copy-ups from spans: each call of ``ovl_copy_up_one`` is one, and the calls around and inside say why and how much.

``ovl_copy_up_flags``, ``ovl_copy_up`` and the like are called when nothing is left to copy as well, so they count nothing. Only
``ovl_copy_up_file`` moves data; ``ovl_copy_up_data`` is also called for directories and links, which have none. Missing directories are
copied before the file, in the same ``ovl_copy_up_flags``. Source: fs/overlayfs/copy_up.c, inode.c, file.c of 5.10 to 7.2.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from cowtrace.attribution.asof import Int
from cowtrace.attribution.spans.builder import Spans
from cowtrace.attribution.spans.edges import NOT_TOLD
from cowtrace.attribution.spans.functions import Functions

_ONE, _ALL = "ovl_copy_up_one", "ovl_copy_up_flags"
#: Function around a copy-up -> its trigger; the first that is found in this order counts.
_TRIGGERS: dict[str, str] = {
    **dict.fromkeys(("do_truncate", "vfs_truncate", "do_sys_truncate", "ovl_copy_up_with_data"), "truncate"),
    **dict.fromkeys(("chmod_common", "do_fchmodat"), "chmod"),
    **dict.fromkeys(("chown_common", "do_fchownat"), "chown"),
    **dict.fromkeys(("vfs_utimes", "do_utimes"), "utimes"),
    **dict.fromkeys(("ovl_xattr_set", "ovl_own_xattr_set", "ovl_other_xattr_set", "ovl_set_or_remove_acl"), "xattr"),
    **dict.fromkeys(("vfs_setxattr", "vfs_removexattr"), "xattr"),
    **dict.fromkeys(("ovl_rename", "ovl_rename2", "vfs_rename", "do_renameat2"), "rename"),
    **dict.fromkeys(("ovl_link", "vfs_link", "do_linkat"), "link"),
    **dict.fromkeys(("ovl_create", "ovl_create_object", "ovl_mkdir", "ovl_symlink", "ovl_mknod", "ovl_tmpfile"), "create"),
    **dict.fromkeys(("ovl_do_remove", "ovl_unlink", "ovl_rmdir"), "unlink"),
    "ovl_setattr": "setattr",
    **dict.fromkeys(("ovl_open", "ovl_maybe_copy_up", "ovl_open_maybe_copy_up", "do_sys_open", "do_sys_openat2"), "open_write"),
}  # fmt: skip
_AROUND = (_ALL, *_TRIGGERS)
#: Before 5.16 the function that moves the data had the name that is the wrapper's now.
_MOVES = "ovl_copy_up_file"
_INSIDE = (_MOVES, "ovl_copy_up_data", "do_splice_direct", "splice_file_range", "vfs_splice_read")
_ACCMODE, _TRUNC, _LARGEFILE = 0x3, 0x200, 0x8000


@dataclass(frozen=True, slots=True)
class SpanCopyUp:
    """One copy-up.

    Attributes:
        ts_ns, duration_ns: The call; duration None when its end is not recorded.
        tid, tgid: Who paid; -1 unknown.
        trigger: As in table ``copyup``; ``setattr``: one of chmod, chown, utimes.
        metadata_only: None when the recording can't tell.
        copied_bytes: None when the recording can't tell.
        file_type: ``dir`` for directories above a file; None otherwise.
        path: Name of the file, as far as a probe fetched it.
    """

    ts_ns: int
    duration_ns: int | None
    tid: int
    tgid: int
    trigger: str
    metadata_only: bool | None
    copied_bytes: int | None
    file_type: str | None
    path: bytes | None


class CopyUpSpans:
    """Collects the calls that matter over the batches; those around a copy-up are kept only if there is one inside.

    Args:
        functions: Numbers the functions.
    """

    def __init__(self, functions: Functions) -> None:
        self._functions = functions
        self._kept: list[Spans] = []
        self._ones: list[tuple[int, int]] = []
        self._shown: set[str] = set()

    def add(self, spans: Spans) -> None:
        """Take the spans that a batch completed."""
        plain = self._functions.plain
        wanted = np.array([name == _ONE or name in _AROUND or name in _INSIDE for name in plain], np.bool_)
        at = np.flatnonzero(wanted[spans.function]) if len(plain) and len(spans) else np.empty(0, np.int64)
        if not len(at):
            return
        part = _take(spans, at)
        names = [plain[number] for number in part.function.tolist()]
        self._shown.update(names)
        self._ones += [(tid, ts) for tid, ts, name in zip(part.tid.tolist(), part.ts_ns.tolist(), names, strict=True) if name == _ONE]
        around = np.array([name in _AROUND for name in names], np.bool_)
        kept = ~around | self._contains(part)
        if kept.any():
            self._kept.append(_take(part, np.flatnonzero(kept)))

    def _contains(self, part: Spans) -> np.ndarray:
        """bool: a copy-up of the same thread lies inside."""
        if not self._ones:
            return np.zeros(len(part), np.bool_)
        ones = sorted(self._ones)
        keys = np.array([(tid << 1) for tid, _ in ones], np.int64)
        times = np.array([ts for _, ts in ones], np.int64)
        result = np.zeros(len(part), np.bool_)
        for tid in np.unique(part.tid).tolist():
            of_thread = times[keys == tid << 1]
            rows = np.flatnonzero(part.tid == tid)
            end = np.where(part.end_ns[rows] >= 0, part.end_ns[rows], np.iinfo(np.int64).max)
            result[rows] = np.searchsorted(of_thread, part.ts_ns[rows]) < np.searchsorted(of_thread, end, side="right")
        return result

    def finish(self, paths: dict[int, bytes], frames: dict[int, list[str]]) -> list[SpanCopyUp]:
        """All copy-ups, in order of time.

        Args:
            paths: Names of files by number of the event.
            frames: Functions around a copy-up by number of its event, where stacks tell them.
        """
        rows = []
        for spans in self._by_thread():
            names = [self._functions.plain[number] for number in spans.function.tolist()]
            ones = [place for place, name in enumerate(names) if name == _ONE]
            for place in ones:
                rows.append(self._row(spans, names, place, ones, paths, frames))
        return sorted(rows, key=lambda row: (row.ts_ns, row.tid))

    def _by_thread(self) -> list[Spans]:
        if not self._kept:
            return []
        columns = {field.name: np.concatenate([getattr(part, field.name) for part in self._kept]) for field in fields(Spans)}
        whole = Spans(**columns)
        whole = _take(whole, np.argsort(whole.seq, kind="stable"))
        return [_take(whole, np.flatnonzero(whole.tid == tid)) for tid in np.unique(whole.tid).tolist()]

    def _row(
        self, spans: Spans, names: list[str], place: int, ones: list[int], paths: dict[int, bytes], frames: dict[int, list[str]]
    ) -> SpanCopyUp:
        begin, end = int(spans.ts_ns[place]), int(spans.end_ns[place])
        seq, following = int(spans.seq[place]), next((other for other in ones if other > place), None)
        last_ns = end if end >= 0 else int(spans.ts_ns[-1] if following is None else spans.ts_ns[following] - 1)
        around = [i for i in range(place) if names[i] in _AROUND and (spans.end_ns[i] >= last_ns or spans.end_ns[i] < 0)]
        inside = [i for i in range(place + 1, len(names)) if begin <= spans.ts_ns[i] <= last_ns and names[i] in _INSIDE]
        flags = next((int(spans.flags[i]) for i in (place, *reversed(around)) if spans.flags[i] != NOT_TOLD), None)
        whole = next((i for i in reversed(around) if names[i] == _ALL), None)
        until = int(spans.end_ns[whole]) if whole is not None else -1
        above = whole is not None and any(other > place and spans.ts_ns[other] <= until for other in ones)
        metadata_only = True if above else self._metadata_only({names[i] for i in inside}, flags)
        taken = int(spans.taken_ns[place])
        return SpanCopyUp(
            ts_ns=begin,
            duration_ns=taken if taken >= 0 else None,
            tid=int(spans.tid[place]),
            tgid=int(spans.tgid[place]),
            trigger=_trigger(frames.get(seq) or [names[i] for i in around], flags),
            metadata_only=metadata_only,
            copied_bytes=0 if metadata_only else self._copied(spans, names, inside),
            file_type="dir" if above else None,
            path=paths.get(seq),
        )

    def _metadata_only(self, inside: set[str], flags: int | None) -> bool | None:
        if _MOVES in inside or "do_splice_direct" in inside:
            return False
        if flags is not None and flags & _TRUNC:
            return True
        return True if self._shown & {_MOVES, "do_splice_direct"} else None

    def _copied(self, spans: Spans, names: list[str], inside: list[int]) -> int | None:
        """What the splices returned; one without a return value, or a clone, leaves it open."""
        moved = [int(spans.retval[i]) for i in inside if names[i] in ("do_splice_direct", "splice_file_range")]
        return sum(moved) if moved and all(size > 0 for size in moved) else None


def _trigger(around: list[str], flags: int | None) -> str:
    for name, trigger in _TRIGGERS.items():
        if name in around:
            return trigger
    if flags is None or not flags & _ACCMODE:
        return "unknown"
    # the kernel's own request for data, before a truncate, has no flag of open(2) besides the mode
    return "open_write" if flags & _LARGEFILE else "truncate"


def _take(spans: Spans, index: Int) -> Spans:
    return Spans(*(getattr(spans, field.name)[index] for field in fields(Spans)))
