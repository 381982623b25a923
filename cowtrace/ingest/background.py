"""Two helpers that let reading, attributing and writing overlap, without changing any order."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")
_END = object()


def ahead(items: Iterable[T], depth: int = 1) -> Iterator[T]:
    """Yield ``items`` while a thread makes the next ``depth`` of them. An exception there is raised here, in its place."""
    slots: queue.Queue[Any] = queue.Queue(maxsize=depth)
    stop = threading.Event()

    def put(item: object) -> bool:
        while not stop.is_set():
            try:
                slots.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def run() -> None:
        try:
            for item in items:
                if not put(item):
                    return
            put(_END)
        except BaseException as error:
            put(error)

    thread = threading.Thread(target=run, name="cowtrace-read", daemon=True)
    thread.start()
    try:
        while (item := slots.get()) is not _END:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()


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
