"""The whole way from a store to names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from cowtrace.symbols.archive import Archive
from cowtrace.symbols.code_lines import code_lines
from cowtrace.symbols.debuginfod import Debuginfod
from cowtrace.symbols.find import Shelf
from cowtrace.symbols.kernel import kernel_identity
from cowtrace.symbols.naming import Namer, plain_build_id
from cowtrace.symbols.places import find_places
from cowtrace.symbols.sources import Sources

if TYPE_CHECKING:
    import polars as pl

    from cowtrace.store.reader import Store


@dataclass(frozen=True, slots=True)
class Symbols:
    """Code names of one store, as polars tables.

    Attributes:
        frame: One row a distinct place in code: frame_id, dso, build_id, address (in the file, as its symbols count), symbol,
            linkage_name (before demangling, where that differs), symbol_offset (bytes). NULL where not known.
        ip_frame: Which place a faulting instruction was in: text_mm_id, ip, start_ns, end_ns, frame_id; it holds for
            start_ns <= time < end_ns.
        stack_frame: The same for call chains: text_mm_id, stack_id, start_ns, end_ns, depth (0 innermost), frame_id.
        text_space: Whose mappings an address space's code is found in: mm_id, text_mm_id.
        notes: What could not be named, and why: one sentence each.
    """

    frame: pl.DataFrame
    ip_frame: pl.DataFrame
    stack_frame: pl.DataFrame
    text_space: pl.DataFrame
    notes: list[str]
    _lines: Callable[[], pl.DataFrame]

    def code_line(self) -> pl.DataFrame:
        """Source lines and inlined calls of the places, where debug information is there; read when first asked for.

        Returns:
            frame_id, level (0 innermost, counting outward through inlined calls), symbol, source_file, source_line. ``notes`` grows by what
            was left out.
        """
        return self._lines()

    def notes_table(self) -> pl.DataFrame:
        """``notes`` as a table with the column ``note``."""
        import polars as pl

        return pl.DataFrame({"note": self.notes}, schema={"note": pl.String})


def resolve(store: Store, sources: Sources | None = None) -> Symbols:
    """Name the code that faulted and that called it.

    Every distinct place is looked up once, whatever the number of faults. A file is used only if it is the recorded one, by build-id.

    Args:
        store: An existing store.
        sources: Where code may be looked for.

    Raises:
        InputError: An archive of ``sources`` can't be read.
    """
    sources = sources or Sources()
    places = find_places(store)
    build_ids = frozenset(filter(None, (plain_build_id(space.dso.build_id) for space in places.spaces if space.dso is not None)))
    kernel, _ = kernel_identity(store)
    build_ids |= {kernel} if kernel is not None else set()
    archives: list[Shelf] = [Archive(path, build_ids) for path in sources.archives]
    servers = [Debuginfod(sources.debuginfod_urls, sources.debuginfod_seconds)] if sources.debuginfod_urls else []
    namer = Namer(store, sources, near=archives, far=list(servers))
    frame = namer.frames(places)
    namer.notes += [note for server in servers for note in server.notes]
    return Symbols(
        frame,
        places.ips.rename({"place": "frame_id"}),
        places.chains.rename({"place": "frame_id"}),
        places.text_spaces,
        namer.notes,
        cache(lambda: code_lines(places, namer, sources.line_seconds)),
    )
