"""trace.dat, as written by ``trace-cmd record`` and ``extract``: versions 6 and 7, compressed or not, complete or cut."""

from cowtrace.parsers.tracedat.recording import BLOCK_BYTES, TraceDatRecording, open_tracedat

__all__ = ["BLOCK_BYTES", "TraceDatRecording", "open_tracedat"]
