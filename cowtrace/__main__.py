"""``python -m cowtrace``."""

from cowtrace.cli import run

run()
