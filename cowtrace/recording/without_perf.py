"""In the place of a running perf when only collectors record."""

from __future__ import annotations


class NoPerf:
    """Runs until it is asked to stop, and has nothing to say."""

    def __init__(self) -> None:
        self._stopped = False

    def poll(self) -> int | None:
        """None until the stop, then 0."""
        return 0 if self._stopped else None

    def stderr(self) -> str:
        """Nothing."""
        return ""

    def request_stop(self) -> None:
        """End."""
        self._stopped = True

    def kill(self) -> None:
        """End."""
        self._stopped = True

    def close(self) -> None:
        """Nothing is left to close."""
