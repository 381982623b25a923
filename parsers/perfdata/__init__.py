"""perf.data, as written by ``perf record``: files, pipes, directories; complete, killed or cut."""

from cowtrace.parsers.perfdata.opening import BLOCK_BYTES, open_perfdata

__all__ = ["BLOCK_BYTES", "open_perfdata"]
