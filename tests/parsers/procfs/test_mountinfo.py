"""mountinfo, with escapes."""

from __future__ import annotations

from pathlib import Path

import pytest

from cowtrace.errors import InputError
from cowtrace.parsers.procfs.mountinfo import read_mountinfo, split_options, unescape
from tests.support.proc_text import notes

# Linux 6.18: an overlay of "lo w" and "a,b" on a folder with a tab and a backslash in its name, below a shared tmpfs.
OVERLAY = (
    rb"47 43 0:40 / /tmp/ovl/m\011t\134x rw,relatime shared:2 - overlay my\040src rw,"
    rb"lowerdir=/tmp/ovl/lo\040w:/tmp/ovl/a\134\054b,upperdir=/tmp/ovl/up,workdir=/tmp/ovl/wk,uuid=on" + b"\n"
)
ROOT = b"27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard\n"


def test_every_column(tmp_path: Path) -> None:
    path = tmp_path / "mountinfo" / "1234.mountinfo"
    path.parent.mkdir()
    path.write_bytes(b"# time 1700000000\n" + ROOT + OVERLAY)
    table, info = read_mountinfo(path)
    first, second = table.to_dicts()
    assert first == {
        "ts_ns": 1_700_000_000_000_000_000,
        "tgid": 1234,
        "snapshot_id": 0,
        "mount_id": 27,
        "parent_id": 1,
        "dev": "254:0",
        "root": "/",
        "mount_point": "/",
        "mount_options": "rw,relatime",
        "optional_fields": [],
        "fs_type": "ext4",
        "source": "/dev/vda",
        "super_options": "rw,discard",
    }
    assert (second["mount_point"], second["source"], second["optional_fields"]) == ("/tmp/ovl/m\tt\\x", "my src", ["shared:2"])
    assert split_options(second["super_options"]) == [
        ("rw", None),
        ("lowerdir", "/tmp/ovl/lo w:/tmp/ovl/a\\,b"),
        ("upperdir", "/tmp/ovl/up"),
        ("workdir", "/tmp/ovl/wk"),
        ("uuid", "on"),
    ]
    assert (info.records_read, info.records_damaged, info.notes) == (2, 0, [])


@pytest.mark.parametrize(
    ("line", "optional", "fs_type", "source"),
    [
        (b"1 1 0:1 / / rw master:1 propagate_from:2 shared:7 - x y z", ["master:1", "propagate_from:2", "shared:7"], "x", "y"),
        (b"1 1 0:1 / / rw unbindable - fuse.ssh%20 - -", ["unbindable"], "fuse.ssh%20", "-"),
        (b"1 1 0:1 / / rw -  - x y z", None, "", ""),
        (b"1 1 0:1 / /a\\040-\\040b rw - tmpfs  rw", [], "tmpfs", ""),  # an empty source
        (b"1 1 0:1 mnt:[4026531840] /run/ns rw - nsfs nsfs rw", [], "nsfs", "nsfs"),
    ],
)
def test_optional_fields(line: bytes, optional: list[str] | None, fs_type: str, source: str, tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(ROOT + line + b"\n")
    table, info = read_mountinfo(tmp_path / "m")
    rows = table.to_dicts()[1:]
    found = [(row["optional_fields"], row["fs_type"], row["source"]) for row in rows]
    assert (found, info.records_damaged) == (([(optional, fs_type, source)], 0) if optional is not None else ([], 1))


def test_escapes() -> None:
    assert unescape(rb"a\040b\011c\012d\134e\043f\0540") == b"a b\tc\nd\\e#f,0"
    assert unescape(rb"\04 \400 \x41 \\040") == rb"\04 \400 \x41 " + b"\\ "


def test_a_mount_that_comes_again_starts_a_snapshot(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(ROOT + OVERLAY + ROOT + b"garbage \xff\x1b[2J\n" + OVERLAY + b"# time 1700000000\n" + OVERLAY[:-5])
    table, info = read_mountinfo(tmp_path / "m")
    assert table.select("snapshot_id", "mount_id").rows() == [(0, 27), (0, 47), (1, 27), (1, 47)]
    assert (info.records_damaged, notes(info)["lines that are no mount"], notes(info)["the file ends within a line"]) == (2, 1, 1)


def test_no_mount_at_all(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(b"- " * 100_000 + b"\n")
    with pytest.raises(InputError, match="no line of mountinfo was found in it"):
        read_mountinfo(tmp_path / "m")
