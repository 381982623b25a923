"""A toy kernel with huge pages, page by page in plain Python: the specification of what replay predicts.

The same operations run under ``thp=never`` and ``thp=always``; each gives the faults that Linux since 6.15 takes (mm/memory.c,
mm/huge_memory.c). Address spaces hold one anonymous mapping that may grow.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

BLOCK = 512
#: Page number of the first whole block of every mapping.
FIRST = 1 << 20


@dataclass(eq=False)
class Frame:
    """A base page (``huge`` False) or a folio of 512; ``maps`` counts mapped base pages by address space."""

    huge: bool
    maps: Counter[int] = field(default_factory=Counter)

    def others(self, mm: int) -> bool:
        return any(count > 0 for other, count in self.maps.items() if other != mm)


@dataclass
class Entry:
    frame: Frame | None  # None: the zero page
    writable: bool


@dataclass
class Space:
    tgid: int
    start: int
    end: int
    #: Block number -> a PMD entry, or a table of base entries by page.
    blocks: dict[int, Entry | dict[int, Entry]] = field(default_factory=dict)


class HugeKernel:
    """Runs operations under a policy.

    Args:
        always: thp=always, else never.
        start: First page of the mapping of the first process; ``end`` one past its last.
    """

    def __init__(self, *, always: bool, start: int, end: int) -> None:
        self.always = always
        self.now = 1000
        self.spaces: dict[int, Space] = {0: Space(100, start, end)}
        self.lives: list[list[int | None]] = [[0, 100, None, 0, None]]  # mm_id, tgid, parent, start_ns, end_ns
        self.forks: list[list[int]] = []  # fork_id, ts_ns, parent, child
        self.extents: list[list[int]] = [[0, 0, start, end]]  # mm_id, ts_ns, start, end
        self.faults: list[tuple[int, int, int, str, int]] = []  # ts_ns, mm_id, page, kind, extent

    def fork(self, mm: int) -> None:
        parent, child = self.spaces[mm], len(self.lives)
        self.now += 10
        copy = Space(100 + child, parent.start, parent.end)
        for number, block in parent.blocks.items():
            if isinstance(block, Entry):
                block.writable = False
                self._map(block.frame, child, BLOCK)
                copy.blocks[number] = Entry(block.frame, False)
            else:
                for entry in block.values():
                    entry.writable = False
                    self._map(entry.frame, child, 1)
                copy.blocks[number] = {page: Entry(entry.frame, False) for page, entry in block.items()}
        self.spaces[child] = copy
        self.lives.append([child, copy.tgid, mm, self.now, None])
        self.forks.append([len(self.forks), self.now, mm, child])

    def exit(self, mm: int) -> None:
        self.now += 10
        for block in self.spaces.pop(mm).blocks.values():
            entries = [block] if isinstance(block, Entry) else list(block.values())
            for entry in entries:
                if entry.frame is not None:
                    entry.frame.maps[mm] = 0
        self.lives[mm][4] = self.now

    def grow(self, mm: int, pages: int) -> None:
        self.now += 10
        space = self.spaces[mm]
        space.end += pages
        self.extents.append([mm, self.now, space.start, space.end])

    def touch(self, mm: int, page: int, write: bool) -> None:
        """Access a page inside the mapping; one fault at most."""
        space = self.spaces[mm]
        if not space.start <= page < space.end:
            return
        kind = self._access(space, mm, page, write)
        if kind is not None:
            self.now += 10
            self.faults.append((self.now, mm, page, kind, self._extent(mm, page)))

    def _extent(self, mm: int, page: int) -> int:
        """The latest record of the mapping that this address space made or inherited."""
        born = self.now
        while True:
            found = [i for i, (owner, ts, low, high) in enumerate(self.extents) if owner == mm and ts <= born and low <= page < high]
            parent = self.lives[mm][2]
            if found or parent is None:
                return found[-1] if found else 0
            born, mm = int(self.lives[mm][3] or 0), parent

    def _access(self, space: Space, mm: int, page: int, write: bool) -> str | None:
        number = page // BLOCK
        block = space.blocks.get(number)
        if block is None:
            whole = space.start <= number * BLOCK and (number + 1) * BLOCK <= space.end
            if self.always and whole:
                frame = Frame(True, Counter({mm: BLOCK})) if write else None
                space.blocks[number] = Entry(frame, write)
                return "thp_zero" if write else "thp_zero_page"
            block = space.blocks[number] = {}
        if isinstance(block, Entry):
            return self._huge(space, mm, page, block, write)
        entry = block.get(page)
        if entry is None:
            block[page] = Entry(Frame(False, Counter({mm: 1})) if write else None, write)
            return "anon_zero" if write else "zero_page"
        if not write or entry.writable:
            return None
        return self._base(mm, entry)

    def _huge(self, space: Space, mm: int, page: int, entry: Entry, write: bool) -> str | None:
        if not write or entry.writable:
            return None
        if entry.frame is None:
            space.blocks[page // BLOCK] = Entry(Frame(True, Counter({mm: BLOCK})), True)
            return "thp_zero_page_cow"
        if not entry.frame.others(mm):
            entry.writable = True
            return "thp_reuse"
        first = page // BLOCK * BLOCK
        table = {number: Entry(entry.frame, False) for number in range(first, first + BLOCK)}
        space.blocks[page // BLOCK] = table
        self._base(mm, table[page])
        return "thp_split"

    def _base(self, mm: int, entry: Entry) -> str:
        if entry.frame is None:
            entry.frame, entry.writable = Frame(False, Counter({mm: 1})), True
            return "zero_page_cow"
        entry.writable = True
        if not entry.frame.others(mm):
            return "cow_reuse"
        entry.frame.maps[mm] -= 1
        entry.frame = Frame(False, Counter({mm: 1}))
        return "cow_copy"

    @staticmethod
    def _map(frame: Frame | None, mm: int, pages: int) -> None:
        if frame is not None:
            frame.maps[mm] += pages

    def counts(self) -> Counter[tuple[int, str]]:
        """Faults by (tgid, kind)."""
        return Counter((int(self.lives[mm][1] or 0), kind) for _, mm, _, kind, _ in self.faults)

    def tables(self) -> dict[str, str]:
        """The run as tables of a store."""
        fault = ["ts_ns duration_ns tgid tid mm_id addr kind vma_id extent_id"]
        for ts, mm, page, kind, extent in self.faults:
            tgid = self.lives[mm][1]
            fault.append(f"{ts} 1000 {tgid} {tgid} {mm} {page * 4096 + 8:#x} {kind} {self.extents[extent][0]} {extent}")
        process = ["mm_id tgid parent_mm_id start_ns end_ns how"]
        for mm, tgid, parent, start, end in self.lives:
            how = "exec" if parent is None else "fork"
            process.append(f"{mm} {tgid} {_cell(parent)} {start} {_cell(end)} {how}")
        fork = ["fork_id ts_ns parent_tgid child_tgid parent_mm_id child_mm_id duration_ns"]
        for number, ts, above, below in self.forks:
            fork.append(f"{number} {ts} {self.lives[above][1]} {self.lives[below][1]} {above} {below} 50000")
        vma = ["vma_id mm_id start_addr end_addr vma_kind"]
        for mm in range(len(self.lives)):
            # a child without mappings of its own has an empty row, so that numbers stay those of the address spaces
            low, high = next(((row[2], row[3]) for row in reversed(self.extents) if row[0] == mm), (0, 0))
            vma.append(f"{mm} {mm} {low * 4096:#x} {high * 4096:#x} anon")
        extent = ["extent_id vma_id mm_id ts_ns start_addr end_addr"]
        extent += [f"{i} {mm} {mm} {ts} {low * 4096:#x} {high * 4096:#x}" for i, (mm, ts, low, high) in enumerate(self.extents)]
        names = ("fault", "process", "fork", "vma", "vma_extent")
        return dict(zip(names, ("\n".join(lines) for lines in (fault, process, fork, vma, extent)), strict=True))


def _cell(value: int | None) -> str:
    return "-" if value is None else str(value)
