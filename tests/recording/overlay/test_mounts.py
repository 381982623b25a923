"""Overlay mounts found in a mount table, and the one that is meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from cowtrace.errors import HostError, UsageError
from cowtrace.recording.overlay.collector import check_rights
from cowtrace.recording.overlay.mounts import OverlayMount, choose, overlay_mounts, split_layers

TABLE = r"""
22 1 8:1 / / rw - ext4 /dev/sda1 rw
30 22 0:40 / /merged rw,relatime - overlay overlay rw,lowerdir=/l1:/l\0542,upperdir=/up,workdir=/wk,metacopy=on
31 22 0:41 / /read\040only ro - overlay overlay ro,lowerdir=/a:/b
32 22 0:42 / /plain rw - overlay overlay rw,lowerdir+=/a,lowerdir+=/b,upperdir=/up2,workdir=/wk2,volatile,userxattr
33 22 0:40 / /merged/again rw - overlay overlay rw,lowerdir=/l1,upperdir=/up,workdir=/wk
"""


def mounts(tmp_path: Path) -> list[OverlayMount]:
    (tmp_path / "mountinfo").write_text(TABLE.lstrip())
    return overlay_mounts(tmp_path / "mountinfo")


def test_mounts_with_an_upper_layer(tmp_path: Path) -> None:
    merged, plain = mounts(tmp_path)
    assert (merged.mount_id, merged.mount_point, merged.lower, merged.upper) == (30, "/merged", ("/l1", "/l,2"), "/up")
    assert (merged.metacopy, merged.volatile, merged.user_xattrs) == (True, False, False)
    assert (merged.upper_fs, plain.upper_fs) == ("ext4", "ext4")
    assert (plain.lower, plain.metacopy, plain.volatile, plain.user_xattrs) == (("/a", "/b"), None, True, True)


def test_colons_of_names_do_not_part_layers() -> None:
    assert split_layers(r"/a:/b\:c::/data") == ["/a", "/b:c", "/data"]


def test_the_mount_that_is_meant(tmp_path: Path) -> None:
    found = mounts(tmp_path)
    assert [mount.upper for mount in choose(found, "auto", Path("/merged/src"))] == ["/up"]
    assert [mount.upper for mount in choose(found, "auto", Path("/home"))] == ["/up", "/up2"]
    assert [mount.upper for mount in choose(found, "/plain/sub", Path("/"))] == ["/up2"]
    with pytest.raises(
        UsageError, match=r"--overlay make: no overlay is mounted there \(a COMMAND goes behind --\); mounted: /merged, /plain"
    ):
        choose(found, "make", Path("/"))
    with pytest.raises(UsageError, match="no overlay with an upper layer is mounted here"):
        choose([], "auto", Path("/"))


def test_layers_that_can_not_be_read_are_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(
        HostError, match=r"the upper layer /up of /merged can't be read \(No such file or directory\): it lies in another mount"
    ):
        check_rights(mounts(tmp_path)[:1], wanted="/merged")
    readable, (note,) = check_rights(mounts(tmp_path)[:1], wanted="auto")
    assert readable == []
    assert note.endswith("run cowtrace where it was mounted; without its listing, copy-ups have no names")
    with pytest.raises(HostError, match=r"--overlay: the mount table .* can't be opened"):
        overlay_mounts(tmp_path / "absent")
