"""Overlay mounts made here, recorded by ``cowtrace record --overlay``, held against a walk of the upper layer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import cowtrace
from tests.support import live, overlay
from tests.workloads.overlay import ALL, LOG

REASON = live.unavailable() or overlay.unavailable()
pytestmark = [pytest.mark.live, pytest.mark.skipif(REASON is not None, reason=str(REASON))]


def mounts() -> list[str]:
    return Path("/proc/self/mounts").read_text().splitlines()


def record(mounted: overlay.Mounted, folder: Path, command: str, *options: str) -> subprocess.CompletedProcess[str]:
    """As a user in the container: the mount is the working folder."""
    argv = [sys.executable, "-m", "cowtrace", "record", "-o", str(folder), "--overlay", *options, "--", "sh", "-c", command]
    environment = {**os.environ, "PYTHONPATH": str(live.ROOT)}
    return subprocess.run(argv, cwd=mounted.point, env=environment, check=False, capture_output=True, text=True)


@pytest.mark.parametrize("metacopy", [False, True], ids=["metacopy-off", "metacopy-on"])
@pytest.mark.parametrize("kind", ["ext4", "tmpfs"])
@pytest.mark.parametrize("workload", ALL, ids=lambda workload: workload.name)
def test_the_ledger_agrees_with_the_upper_layer(workload: overlay.Workload, kind: str, metacopy: bool, tmp_path: Path) -> None:
    before = mounts()
    with overlay.overlay(kind, metacopy=metacopy, image=workload.image) as mounted:
        done = record(mounted, tmp_path / "rec", workload.command)
        assert done.returncode == 0, done.stderr
        truth = overlay.walk(mounted)
    assert mounts() == before
    store = cowtrace.open(tmp_path / "rec")
    rows = store.sql("FROM copyup ORDER BY ts_ns, metadata_only DESC").to_dicts()
    assert overlay.disagreements(rows, truth, workload, str(mounted.point)) == []


def test_mount_points_and_rights(tmp_path: Path) -> None:
    with overlay.overlay("tmpfs", metacopy=False, image=LOG.image) as mounted:
        done = record(mounted, tmp_path / "a", "true", "/proc")
        assert done.returncode == 2
        assert "--overlay /proc: no overlay is mounted there; mounted: " in done.stderr
        assert not (tmp_path / "a").exists()
        if not _anybody_reads(live.ROOT):
            pytest.skip("users without rights can't read this checkout")
        user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        mounted.upper.parent.chmod(0o700)
        argv = [*user, sys.executable, "-m", "cowtrace", "record", "-o", str(tmp_path / "b"), "--overlay", "--", "true"]
        environment = {**os.environ, "PYTHONPATH": str(live.ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(argv, cwd=mounted.point, env=environment, check=False, capture_output=True, text=True)
        assert (done.returncode, "run as root" in done.stderr) == (2, True), done.stderr


def _anybody_reads(folder: Path) -> bool:
    """Every folder above lets everybody through."""
    return all(path.stat().st_mode & 0o005 == 0o005 for path in (folder, *folder.parents))
