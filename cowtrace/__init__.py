"""cowtrace: what copy-on-write, huge pages and overlay copy-up cost a workload, from its recordings.

    import cowtrace
    trace = cowtrace.open("perf.data")
    trace.query("cow/by_process")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cowtrace.api import Report, Trace, open, render  # noqa: A004 - called as cowtrace.open

__version__ = "0.1.0"
__all__ = ["Report", "Trace", "__version__", "open", "render"]


def __getattr__(name: str) -> Any:
    # the library behind these takes 0.4 s to import; `import cowtrace` and `cowtrace --help` do not pay for it
    if name in ("Report", "Trace", "open", "render"):
        from cowtrace import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
