"""``python -m cowtrace``."""

from cowtrace.cli import main

main()
