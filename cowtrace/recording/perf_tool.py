"""The perf program: where it is, its version, which options it knows."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass

from cowtrace.errors import HostError

INSTALL_PERF = (
    "install it with `apt install linux-perf` (Debian), `apt install linux-tools-$(uname -r)` (Ubuntu), "
    "`dnf install perf` (Fedora, RHEL), `pacman -S perf` (Arch) or `apk add perf` (Alpine)"
)

_OPTION = re.compile(r"--([a-z][a-z0-9-]*)")


@dataclass(frozen=True)
class PerfTool:
    """A perf program that can be run.

    Args:
        path: The program.
        version: As it says itself, e.g. ``6.1.192``.
        options: Long options of ``perf record``, without dashes.
    """

    path: str
    version: str
    options: frozenset[str]


def find_perf() -> PerfTool:
    """The perf of this host: ``$COWTRACE_PERF`` or the first one on PATH.

    Raises:
        HostError: There is none, or it can't run (Ubuntu's wrapper without the tools of this kernel).
    """
    wanted = os.environ.get("COWTRACE_PERF") or "perf"
    path = shutil.which(wanted)
    if path is None:
        raise HostError(f"{wanted} not found: cowtrace records with perf; {INSTALL_PERF}")
    version = _output(path, "--version")
    words = version.split()
    if words[:2] != ["perf", "version"] or len(words) < 3:
        said = next((line.strip() for line in version.splitlines() if line.strip()), "nothing")
        raise HostError(f"{path} does not work on this kernel (it said: {said}); {INSTALL_PERF}")
    # `-h` with an unknown option prints every option of this build to stderr and fails: that is fine
    return PerfTool(path, words[2], frozenset(_OPTION.findall(_output(path, "record", "-h"))))


def perf_environment() -> dict[str, str]:
    """The environment for perf: messages in English, no pager, no settings from ~/.perfconfig."""
    return {**os.environ, "LC_ALL": "C", "PAGER": "cat", "PERF_CONFIG": os.devnull}


def _output(*argv: str) -> str:
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=perf_environment(),
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HostError(f"{argv[0]} can't be run ({error}); {INSTALL_PERF}") from error
    return done.stdout.decode("utf-8", "backslashreplace")
