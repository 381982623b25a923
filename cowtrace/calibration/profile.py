"""The profile: where it lies, how it is written."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from cowtrace.output import text_output

SCHEMA = "cowtrace.profile/1"


def default_path() -> Path:
    """$COWTRACE_PROFILE, else profile.json in the user's cache folder."""
    if chosen := os.environ.get("COWTRACE_PROFILE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cowtrace" / "profile.json"


def write_profile(profile: dict[str, Any], path: Path, *, force: bool) -> None:
    """Write it whole or not at all.

    Raises:
        UsageError: It exists and is not to be replaced, or its folder does not exist.
    """
    with text_output(path, force=force) as out:
        out.write(json.dumps(profile, indent=1) + "\n")
