"""Archives of perf and debuginfod servers."""

from __future__ import annotations

import contextlib
import io
import tarfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cowtrace.errors import InputError
from cowtrace.symbols import Sources, resolve
from cowtrace.symbols.archive import Archive
from cowtrace.symbols.debuginfod import Debuginfod
from tests.support.coded import FUNCTIONS, ID, coded
from tests.support.elf_bytes import elf
from tests.support.stores import make_store


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COWTRACE_CACHE", str(tmp_path / "cache"))


def archive(path: Path, members: dict[str, bytes | str]) -> Path:
    """A tar of files (bytes) and symbolic links (text)."""
    with tarfile.open(path, "w:bz2") as packed:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            if isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
                packed.addfile(member)
            else:
                member.size = len(content)
                packed.addfile(member, io.BytesIO(content))
    return path


def symbols_of(tmp_path: Path, sources: Sources) -> tuple[set[str | None], list[str]]:
    symbols = resolve(coded(tmp_path, with_file=False), sources)
    return set(symbols.frame["symbol"].to_list()), symbols.notes


@pytest.mark.parametrize("name", [f"opt/app/{ID}/elf", f"opt/app/{ID}"])
def test_a_perf_archive_has_the_files(tmp_path: Path, name: str) -> None:
    path = archive(
        tmp_path / "perf.data.tar.bz2",
        {f".build-id/{ID[:2]}/{ID[2:]}": f"../../opt/app/{ID}", name: elf(FUNCTIONS, build_id=ID), f"../../evil/{'cd' * 20}/elf": b"x"},
    )
    names, notes = symbols_of(tmp_path, Sources(archives=(path,), debuginfod_urls=()))
    assert {"main", "ns::dirty(char*)", "copy_page"} <= names
    assert notes == []
    assert [file.name for file in (tmp_path / "cache" / "symbols" / "files").rglob("*") if file.is_file()] == ["executable"]


def test_a_perf_archive_has_the_kernels_names(tmp_path: Path) -> None:
    kernel = "ee" * 20
    facts = {
        "features": {"build_ids": [{"path": "[kernel.kallsyms]", "build_id": kernel}]},
        "kernel_maps": [{"path": "[kernel.kallsyms]_text", "pgoff": 0xFFFFFFFF9A000000}],
    }
    fault = [{"ts_ns": 1, "ip": 0xFFFFFFFF9A000104, "kind": "cow_copy"}]
    store = make_store(tmp_path / "store", sources=[facts], fault=fault)
    listed = b"ffffffff81000000 T _text\nffffffff81000100 T copy_page\n"
    path = archive(tmp_path / "a.tar.bz2", {f"[kernel.kallsyms]/{kernel}/kallsyms": listed})
    sources = Sources(archives=(path,), build_id_cache=tmp_path / "none", debuginfod_urls=())
    assert resolve(store, sources).frame.select("symbol", "symbol_offset").rows() == [("copy_page", 4)]


def test_a_lying_archive_is_refused_file_by_file(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.tar.bz2", {f"opt/app/{ID}/elf": elf(FUNCTIONS, build_id="cd" * 20)})
    names, notes = symbols_of(tmp_path, Sources(archives=(path,), debuginfod_urls=()))
    assert names == {None, "copy_page"}
    assert notes[0].endswith(f"has build-id {'cd' * 20}, the recording {ID}: not used")


@pytest.mark.parametrize("content", [b"", b"no archive", b"BZh9" + b"\xff" * 100])
def test_what_is_no_archive_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tar.bz2").write_bytes(content)
    with pytest.raises(InputError, match="not readable as an archive"):
        Archive(tmp_path / "a.tar.bz2", frozenset({ID}))


class Server:
    """A debuginfod server on this machine; counts what it is asked."""

    def __init__(self, files: dict[str, bytes], *, delay: float = 0, status: int = 404) -> None:
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                time.sleep(delay)
                content = files.get(self.path)
                self.send_response(status if content is None else 200)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                with contextlib.suppress(BrokenPipeError):
                    self.wfile.write(content or b"")

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def good() -> Iterator[Server]:
    server = Server({f"/buildid/{ID}/executable": elf(FUNCTIONS, build_id=ID)})
    yield server
    server.close()


def test_a_server_is_asked_once_for_what_is_missing(tmp_path: Path, good: Server) -> None:
    store = coded(tmp_path, with_file=False)
    for _ in range(2):
        symbols = resolve(store, Sources(debuginfod_urls=(good.url,)))
        assert ("main" in symbols.frame["symbol"].to_list(), symbols.notes) == (True, [])
    assert good.asked == [f"/buildid/{ID}/executable"]


def test_a_server_that_is_down_costs_one_note(tmp_path: Path, good: Server) -> None:
    good.close()
    names, notes = symbols_of(tmp_path, Sources(debuginfod_urls=(good.url, "file:///etc")))
    assert names == {None, "copy_page"}
    assert [note.partition(" was")[0] for note in notes] == [f"{tmp_path / 'app'}: no such file here", f"debuginfod server {good.url[:-1]}"]


def test_a_slow_server_costs_no_more_than_its_time() -> None:
    server = Server({}, delay=0.6)
    asked = Debuginfod((server.url,), 0.2)
    begin = time.monotonic()
    assert [asked.fetch(f"{number:040x}", "executable") for number in range(20)] == [None] * 20
    assert time.monotonic() - begin < 0.6
    assert asked.notes == [f"debuginfod server {server.url[:-1]} was not asked further: timed out"]
    server.close()


def test_an_error_of_the_server_is_named(tmp_path: Path) -> None:
    server = Server({}, status=503)
    _, notes = symbols_of(tmp_path, Sources(debuginfod_urls=(server.url,)))
    assert notes[-1] == f"debuginfod server {server.url[:-1]} was not asked further: HTTP 503"
    server.close()
