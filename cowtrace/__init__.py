"""cowtrace: what copy-on-write, huge pages and overlay copy-up cost a workload, from its recordings.

import cowtrace

trace = cowtrace.open("perf.data")
trace.query("cow/by_process")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cowtrace.errors import CowtraceError

if TYPE_CHECKING:
    from cowtrace.api import Measure, ReplayResult, Report, Sources, Symbols, Trace, open, render

__version__ = "0.1.0"
__all__ = ["CowtraceError", "Measure", "ReplayResult", "Report", "Sources", "Symbols", "Trace", "__version__", "open", "render"]


def __getattr__(name: str) -> Any:
    # what stands behind these takes 0.4 s to import; `import cowtrace` and `cowtrace --help` do not pay for it
    if name in __all__:
        from cowtrace import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
