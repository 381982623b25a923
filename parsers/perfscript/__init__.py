"""Text of ``perf script``."""

from cowtrace.parsers.perfscript.recording import PerfScriptRecording, open_perfscript

__all__ = ["PerfScriptRecording", "open_perfscript"]
