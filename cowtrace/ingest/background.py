"""Work that goes on in a thread of its own, in order."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor


class InOrder:
    """Runs calls one after the other in a thread, at most ``depth`` of them waiting."""

    def __init__(self, depth: int = 2) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="cowtrace-write")
        self._depth = depth
        self._waiting: list[Future[None]] = []

    def submit(self, call: Callable[..., None], *arguments: object) -> None:
        """Queue a call; raises what an earlier one raised."""
        while len(self._waiting) >= self._depth:
            self._waiting.pop(0).result()
        self._waiting.append(self._pool.submit(call, *arguments))

    def drain(self) -> None:
        """Wait for all calls."""
        while self._waiting:
            self._waiting.pop(0).result()

    def close(self) -> None:
        """Stop the thread; calls not yet begun are dropped."""
        self._pool.shutdown(cancel_futures=True)
