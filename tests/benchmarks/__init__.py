"""How fast cowtrace is beside its peer, ``perf script``: ``python -m tests.benchmarks --help``."""
