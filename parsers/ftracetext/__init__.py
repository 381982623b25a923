"""Texts of ftrace: the kernel's ``trace`` and ``trace_pipe``, ``trace-cmd report``, function_graph."""

from cowtrace.parsers.ftracetext.recording import FtraceTextRecording, open_ftracetext

__all__ = ["FtraceTextRecording", "open_ftracetext"]
