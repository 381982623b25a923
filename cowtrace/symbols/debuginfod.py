"""Asking debuginfod servers for files by build-id; only those that the user names, and never for longer than the user allows.

Protocol: GET <server>/buildid/<build-id>/executable or .../debuginfo (elfutils, debuginfod(8)).
"""

from __future__ import annotations

import http.client
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from cowtrace.symbols.cache import download_folder

_BLOCK_BYTES = 1 << 18
_MAX_FILE_BYTES = 4 << 30


class Debuginfod:
    """A list of servers, asked in turn; one that fails is not asked again.

    Args:
        urls: As in DEBUGINFOD_URLS; anything but http and https is left out.
        seconds: All waiting together.

    Attributes:
        notes: One sentence for each server that failed, and one when the time was over.
    """

    def __init__(self, urls: tuple[str, ...], seconds: float) -> None:
        self._urls = [url.rstrip("/") for url in urls if urllib.parse.urlsplit(url).scheme in ("http", "https")]
        self._seconds = seconds
        self.notes: list[str] = []

    def fetch(self, build_id: str, kind: str) -> Path | None:
        """See ``Shelf``; files that came once are kept."""
        target = download_folder() / build_id / kind
        if target.is_file():
            return target
        for url in list(self._urls):
            if self._seconds <= 0:
                return None
            begin = time.monotonic()
            try:
                return self._download(f"{url}/buildid/{build_id}/{kind}", target, begin + self._seconds)
            except urllib.error.HTTPError as error:
                if error.code != http.HTTPStatus.NOT_FOUND:
                    self._give_up(url, f"HTTP {error.code}")
            except (OSError, http.client.HTTPException, ValueError) as error:
                self._give_up(url, str(getattr(error, "reason", error)) or type(error).__name__)
            finally:
                self._seconds -= time.monotonic() - begin
        return None

    def _give_up(self, url: str, why: str) -> None:
        self._urls.remove(url)
        self.notes.append(f"debuginfod server {url} was not asked further: {why}")

    @staticmethod
    def _download(url: str, target: Path, deadline: float) -> Path:
        partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
        request = urllib.request.Request(url, headers={"User-Agent": "cowtrace"})
        try:
            with urllib.request.urlopen(request, timeout=max(deadline - time.monotonic(), 0.01)) as answer:
                target.parent.mkdir(parents=True, exist_ok=True)
                written = 0
                with partial.open("wb") as file:
                    while block := answer.read1(_BLOCK_BYTES):
                        written += len(block)
                        if time.monotonic() > deadline:
                            raise TimeoutError("the time for downloads is over")
                        if written > _MAX_FILE_BYTES:
                            raise OSError(f"more than {_MAX_FILE_BYTES >> 30} GiB")
                        file.write(block)
            os.replace(partial, target)
        finally:
            partial.unlink(missing_ok=True)
        return target
