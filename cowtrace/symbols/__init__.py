"""Names for addresses: ``resolve(store)`` says which function of which file each fault and call chain of a store was in.

faults and call chains ─ places: distinct (file, offset), by the mappings of the moment ─ find: the very file, by build-id
─ table: its symbols, sorted, searched for all offsets at once ─ frame: function + offset (file)
"""

from __future__ import annotations

from cowtrace.symbols.resolve import Symbols, resolve
from cowtrace.symbols.sources import Sources

__all__ = ["Sources", "Symbols", "resolve"]
