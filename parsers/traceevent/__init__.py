"""Trace events as the kernel describes them: the format texts that perf.data and trace.dat carry, and the payloads they describe."""
