"""cowtrace: what copy-on-write, huge pages and overlay copy-up cost a workload, from its recordings."""

from __future__ import annotations

__version__ = "0.1.0"
__all__ = ["__version__"]
