"""Redis saves a snapshot while clients keep writing: the textbook case of copy-on-write.

    python redis_bgsave.py FOLDER [--thp] [--mib N]

The server is this script's child and listens on a socket in FOLDER. Without ``--thp`` huge pages are off for it
whatever the system's policy; with ``--thp`` Redis is told to leave the policy alone.
"""

from __future__ import annotations

import argparse
import ctypes
import random
import socket
import subprocess
import time
from pathlib import Path

VALUE_BYTES = 4000
PR_SET_THP_DISABLE = 41


class Client:
    """As much of RESP (https://redis.io/docs/latest/develop/reference/protocol-spec/) as this workload speaks."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._in = self._socket.makefile("rb")

    def send(self, *words: bytes | str | int) -> None:
        """Send one command; its reply is still to be read."""
        parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        self._socket.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))

    def reply(self) -> bytes:
        """One reply: a status, an integer or a bulk string."""
        line = self._in.readline().rstrip(b"\r\n")
        if line[:1] == b"-":
            raise RuntimeError(line.decode())
        return self._in.read(int(line[1:]) + 2)[:-2] if line[:1] == b"$" else line[1:]

    def ask(self, *words: bytes | str | int) -> bytes:
        """Send one command, return its reply."""
        self.send(*words)
        return self.reply()


def connect(path: Path, server: subprocess.Popen[bytes]) -> Client:
    """Wait until the server listens."""
    for _ in range(500):
        try:
            return Client(path)
        except OSError:
            if server.poll() is not None:
                raise RuntimeError(f"redis-server ended with {server.returncode}") from None
            time.sleep(0.01)
    raise RuntimeError("redis-server does not answer")


def run(folder: Path, thp: bool = False, mib: int = 16) -> None:
    """Fill, snapshot while a quarter of the values are rewritten, write again after the snapshot, stop."""
    if not thp:
        ctypes.CDLL(None).prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)
    path = folder / "redis.sock"
    options = ["--port", "0", "--unixsocket", path, "--dir", folder, "--save", "", "--disable-thp", "no" if thp else "yes"]
    keys = mib * 2**20 // VALUE_BYTES
    random.seed(1)
    with subprocess.Popen(["redis-server", *map(str, options)], stdout=subprocess.DEVNULL) as server:
        try:
            client = connect(path, server)
            for key in range(keys):
                client.send("SET", f"key:{key}", b"%08d" % key * (VALUE_BYTES // 8))
            for _ in range(keys):
                client.reply()
            client.ask("CONFIG", "SET", "rdb-key-save-delay", 400_000 // keys)
            client.ask("BGSAVE")
            for key in random.sample(range(keys), keys // 4):
                client.ask("SETRANGE", f"key:{key}", random.randrange(VALUE_BYTES - 8), b"rewrite!")
            while b"rdb_bgsave_in_progress:1" in client.ask("INFO", "persistence"):
                time.sleep(0.02)
            for key in random.sample(range(keys), keys // 4):
                client.ask("SETRANGE", f"key:{key}", random.randrange(VALUE_BYTES - 8), b"rewrite2")
            client.send("SHUTDOWN", "NOSAVE")
            server.wait(10)
        finally:
            server.kill()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--thp", action="store_true")
    parser.add_argument("--mib", type=int, default=16)
    run(**vars(parser.parse_args()))
