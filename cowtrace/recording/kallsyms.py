"""Collects the names of kernel functions, without which kernel addresses of a recording mean nothing on another machine."""

from __future__ import annotations

from pathlib import Path

from cowtrace.recording.collector import Collector


class Kallsyms(Collector):
    """``kallsyms.zst``: the text symbols of /proc/kallsyms, in its own form, zstd.

    Args:
        proc: Where to read.
    """

    def __init__(self, proc: Path = Path("/proc")) -> None:
        super().__init__()
        self._proc = proc

    def stop(self) -> None:
        try:
            symbols = text_symbols((self._proc / "kallsyms").read_bytes())
        except OSError:
            symbols = b""
        if not symbols:
            self.note(
                "kernel functions can't be named: /proc/kallsyms hides its addresses (`sudo sysctl kernel.kptr_restrict=0`, or run as root)"
            )
            return
        import zstandard

        (self.scene.folder / "kallsyms.zst").write_bytes(zstandard.ZstdCompressor(level=3).compress(symbols))


def text_symbols(kallsyms: bytes) -> bytes:
    """The lines of functions (types t, T, w, W); empty when all addresses are hidden (zero)."""
    kept = [line for line in kallsyms.splitlines() if line[17:18] in b"tTwW" and line[17:18]]
    hidden = all(line.startswith(b"0000000000000000") for line in kept)
    return b"" if hidden else b"\n".join(kept) + b"\n"
