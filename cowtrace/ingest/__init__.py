"""Ingest: any mix of recordings into one store, whole or not at all."""

from __future__ import annotations

from cowtrace.ingest.cache import resolve
from cowtrace.ingest.run import ingest

__all__ = ["ingest", "resolve"]
