"""Faults as weighted stacks: who, through which code, to which kind of fault. What every profile format is made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cowtrace.queries import connect
from cowtrace.symbols.chains import chain_names
from cowtrace.text import printable

if TYPE_CHECKING:
    from cowtrace.store.reader import Store

#: Stretches of time that samples are summed over: finer than any screen, coarser than a fault.
STRETCHES = 20_000


@dataclass(frozen=True, slots=True)
class Sample:
    """Faults of one thread, stack and stretch of time, summed.

    Attributes:
        ts_ns: Start of the stretch.
        stack: Node of ``StackTree``.
        kind: Kind of fault, also the leaf of the stack.
    """

    ts_ns: int
    tgid: int
    tid: int
    comm: str
    stack: int
    kind: str
    fault_count: int
    copy_count: int
    copied_bytes: int
    duration_ns: int


@dataclass(slots=True)
class StackTree:
    """Stacks that share their roots.

    Attributes:
        frames: Distinct frame names.
        prefix: Parent node of each node; -1 for a root.
        frame: Frame of each node.
    """

    frames: list[str] = field(default_factory=list)
    prefix: list[int] = field(default_factory=list)
    frame: list[int] = field(default_factory=list)
    _frame_of: dict[str, int] = field(default_factory=dict)
    _node_of: dict[tuple[int, int], int] = field(default_factory=dict)

    def node(self, names: tuple[str, ...]) -> int:
        """The node of a stack, outermost frame first."""
        at = -1
        for name in names:
            frame = self._frame_of.setdefault(name, len(self.frames))
            if frame == len(self.frames):
                self.frames.append(name)
            key = (at, frame)
            at = self._node_of.setdefault(key, len(self.frame))
            if at == len(self.frame):
                self.prefix.append(key[0])
                self.frame.append(frame)
        return at

    def path(self, node: int) -> list[int]:
        """Frames of a stack, outermost first."""
        found: list[int] = []
        while node >= 0:
            found.append(self.frame[node])
            node = self.prefix[node]
        return found[::-1]


@dataclass(frozen=True, slots=True)
class Profile:
    """All samples of a store, in order of time, with their stacks."""

    tree: StackTree
    samples: list[Sample]
    begin_ns: int
    end_ns: int
    wall_offset_ns: int | None


def profile_of(store: Store) -> Profile:
    """Sum the faults of a store to stacks.

    A stack is the call chain, where one was recorded, else the code that faulted and the mapping that it touched; its leaf is the kind.
    """
    with connect(store) as connection:
        first, last = connection.execute("SELECT coalesce(min(ts_ns), 0), coalesce(max(ts_ns), 0) FROM fault").fetchone() or (0, 0)
        length = max((last - first) // STRETCHES, 1)
        rows = connection.execute(_SAMPLES.format(first=first, length=length)).fetchall()
    names = chain_names(store)
    tree, samples = StackTree(), []
    known: dict[tuple[object, ...], int] = {}
    for stretch, tgid, tid, comm, mm_id, stack_id, place, kind, *sums in rows:
        key = (comm, mm_id, stack_id, place, kind)
        node = known.get(key)
        if node is None:
            chain = names(stack_id, mm_id) if stack_id is not None else ()
            node = known[key] = tree.node((printable(comm), *(chain or (printable(place),)), f"[{printable(kind)}]"))
        samples.append(Sample(first + stretch * length, tgid, tid, printable(comm), node, kind, *sums))
    wall: Any = next((s.get("wall_offset_ns") for s in store.manifest.get("sources") or [] if s.get("wall_offset_ns") is not None), None)
    return Profile(tree, samples, first, last, wall)


_SAMPLES = """
SELECT
    (fault.ts_ns - {first}) // {length} AS stretch,
    fault.tgid, fault.tid, fault.comm, fault.mm_id, fault.stack_id,
    coalesce(vma.path, vma.vma_kind, 'unknown mapping') AS place,
    fault.kind,
    sum(weight)::BIGINT,
    coalesce(sum(weight) FILTER (fault_kind.family = 'copy' AND (fault.kind <> 'thp_split' OR copied_bytes > 0)), 0)::BIGINT,
    coalesce(sum(copied_bytes * weight), 0)::BIGINT,
    coalesce(sum(duration_ns * weight), 0)::BIGINT
FROM fault
LEFT JOIN fault_kind USING (kind)
LEFT JOIN vma USING (vma_id)
GROUP BY ALL
ORDER BY ALL
"""
