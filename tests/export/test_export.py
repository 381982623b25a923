"""Exports of one small store, read back as their tools read them."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from cowtrace.export import EXPORTERS, MEASURES, firefox, folded, perfetto, pprof, speedscope
from cowtrace.store.reader import Store
from tests.support.bill import small_bill
from tests.support.cli import cowtrace


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return small_bill(tmp_path_factory.mktemp("export") / "s")


def written(module: Any, store: Store, measure: str = "copied_bytes") -> bytes:
    out = io.BytesIO()
    module.export(store, out, measure)
    return out.getvalue()


@pytest.mark.parametrize(
    ("measure", "lines"),
    [
        ("copied_bytes", ["redis;anon;[cow_copy] 16384", "redis;/lib/libc.so.6;[file_cow] 4096"]),
        ("copies", ["redis;anon;[cow_copy] 4", "redis;/lib/libc.so.6;[file_cow] 1"]),
        ("time", ["redis;anon;[cow_copy] 6000", "redis;anon;[anon_zero] 2500"]),
    ],
)
def test_folded(store: Store, measure: str, lines: list[str]) -> None:
    assert written(folded, store, measure).decode().splitlines()[:2] == lines


def test_speedscope(store: Store) -> None:
    document = json.loads(written(speedscope, store))
    assert document["$schema"] == "https://www.speedscope.app/file-format-schema.json"
    frames = [frame["name"] for frame in document["shared"]["frames"]]
    profiles = {entry["name"]: entry for entry in document["profiles"]}
    assert {name: (entry["unit"], entry["endValue"]) for name, entry in profiles.items()} == {
        "redis (12)": ("bytes", 12288),
        "redis (13)": ("bytes", 8192),
    }
    child = profiles["redis (13)"]
    assert [[frames[at] for at in stack] for stack in child["samples"]] == [
        ["redis", "anon", "[cow_copy]"],
        ["redis", "/lib/libc.so.6", "[file_cow]"],
    ]
    assert child["weights"] == [4096, 4096]


def test_firefox(store: Store) -> None:
    document = json.loads(written(firefox, store, "time"))
    shared = document["shared"]
    for table in ("stackTable", "frameTable", "funcTable", "nativeSymbols", "resourceTable", "sources"):
        columns = {name: column for name, column in shared[table].items() if name != "length"}
        assert {len(column) for column in columns.values()} == {shared[table]["length"]}, table
    assert all(prefix is None or prefix < node for node, prefix in enumerate(shared["stackTable"]["prefix"]))
    threads = {thread["pid"]: thread["samples"] for thread in document["threads"]}
    assert {pid: round(sum(samples["weight"]) * 1e6) for pid, samples in threads.items()} == {"12": 8000, "13": 2000}
    assert all(samples["time"] == sorted(samples["time"]) for samples in threads.values())


def test_pprof(store: Store) -> None:
    profile = _pprof_class()()
    profile.ParseFromString(gzip.decompress(written(pprof, store)))
    strings = list(profile.string_table)
    assert strings[0] == ""
    assert [(strings[kind.type], strings[kind.unit]) for kind in profile.sample_type] == [
        ("faults", "count"),
        ("cow_copies", "count"),
        ("cow_bytes", "bytes"),
        ("fault_time", "nanoseconds"),
    ]
    assert strings[profile.default_sample_type] == "cow_bytes"
    assert [sum(sample.value[number] for sample in profile.sample) for number in range(4)] == [12, 5, 20480, 10_000]
    names = {function.id: strings[function.name] for function in profile.function}
    functions = {location.id: names[location.line[0].function_id] for location in profile.location}
    copies = next(sample for sample in profile.sample if sample.value[1] == 3)
    assert [functions[at] for at in copies.location_id] == ["[cow_copy]", "anon", "redis"]
    assert {strings[label.key]: strings[label.str] or label.num for label in copies.label}["pid"] == 12


def test_perfetto(store: Store) -> None:
    events = json.loads(written(perfetto, store))["traceEvents"]
    slices = [event for event in events if event["ph"] == "X" and event["cat"] != "fork"]
    assert sum(event["dur"] for event in slices) == pytest.approx(10.0)
    assert slices[0]["ts"] == 1_500_000.0
    (fork,) = [event for event in events if event["name"] == "fork"]
    assert (fork["ts"], fork["dur"], fork["args"]) == (1_399_974.0, 26.0, {"fork_id": 0, "child": 13})
    counters = {(event["pid"], event["args"]["copied_bytes"]) for event in events if event["ph"] == "C"}
    assert {(12, 12288), (13, 8192)} <= counters


def test_hostile_names_are_text(tmp_path: Path) -> None:
    store = small_bill(tmp_path / "s", hostile=True)
    for module in (perfetto, firefox, speedscope):
        assert json.loads(written(module, store))
    for line in written(folded, store).decode().splitlines():
        assert line.rpartition(" ")[2].isdigit()
        assert "\x1b" not in line


def test_empty(tmp_path: Path) -> None:
    from tests.support.stores import make_store

    store = make_store(tmp_path / "empty")
    assert json.loads(written(perfetto, store))["traceEvents"] == []
    assert written(folded, store) == b""
    assert json.loads(written(speedscope, store))["profiles"] == []
    assert json.loads(written(firefox, store))["threads"] == []
    assert gzip.decompress(written(pprof, store))


def test_command(capfd: pytest.CaptureFixture[str], store: Store, tmp_path: Path) -> None:
    ran = cowtrace(capfd, "export", store.path, "--format", "folded", "--measure", "copies")
    assert (ran.code, ran.out.splitlines()[0]) == (0, "redis;anon;[cow_copy] 4")
    target = tmp_path / "out.json"
    assert cowtrace(capfd, "export", store.path, "--format", "firefox", "-o", target).err == f"Wrote {target}\n"
    assert cowtrace(capfd, "export", store.path, "--format", "firefox", "-o", target).code == 2
    said = cowtrace(capfd, "export", "--help").out
    assert all(name in said for name in (*EXPORTERS, *MEASURES))


def _pprof_class() -> Any:
    """google/pprof's message, as far as it is used, for the reference implementation of protocol buffers."""
    file = descriptor_pb2.FileDescriptorProto(name="profile.proto", package="p", syntax="proto3")
    number, text, message = (descriptor_pb2.FieldDescriptorProto.Type.Value(f"TYPE_{name}") for name in ("INT64", "STRING", "MESSAGE"))

    def add(name: str, *fields: tuple[str, int, int, bool, str]) -> None:
        kind = file.message_type.add(name=name)
        for field, at, type_, repeated, of in fields:
            entry = kind.field.add(name=field, number=at, type=type_, label=3 if repeated else 1)
            if of:
                entry.type_name = f".p.{of}"

    add("ValueType", ("type", 1, number, False, ""), ("unit", 2, number, False, ""))
    add("Label", ("key", 1, number, False, ""), ("str", 2, number, False, ""), ("num", 3, number, False, ""))
    add("Sample", ("location_id", 1, number, True, ""), ("value", 2, number, True, ""), ("label", 3, message, True, "Label"))
    add("Line", ("function_id", 1, number, False, ""))
    add("Location", ("id", 1, number, False, ""), ("line", 4, message, True, "Line"))
    add("Function", ("id", 1, number, False, ""), ("name", 2, number, False, ""))
    add(
        "Profile",
        ("sample_type", 1, message, True, "ValueType"),
        ("sample", 2, message, True, "Sample"),
        ("location", 4, message, True, "Location"),
        ("function", 5, message, True, "Function"),
        ("string_table", 6, text, True, ""),
        ("duration_nanos", 10, number, False, ""),
        ("default_sample_type", 14, number, False, ""),
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("p.Profile"))
