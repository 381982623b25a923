"""Kernel symbols as recorders store them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zstandard

from cowtrace.errors import InputError
from cowtrace.parsers.kallsyms import Kallsyms, beside

TEXT = b"""\
ffffffff81000000 T _stext
ffffffff81000000 t first_function
ffffffff81001000 t do_wp_page
garbage
ffffffffc0228000 t ovl_open\t[overlay]
ffffffff82000000 D a_variable
"""


def names(text: bytes, *values: int, **how: int) -> list[str]:
    return Kallsyms(text).names(np.array(values, np.uint64), **how)


def test_names() -> None:
    """By address; behind a landing pad; in a module; unknown."""
    assert names(TEXT, 0xFFFFFFFF81001000, 0xFFFFFFFF81001004, 0xFFFFFFFFC0228000) == ["do_wp_page", "do_wp_page", "ovl_open [overlay]"]
    assert names(TEXT, 0xFFFFFFFF81001020, 0x10, 0xFFFFFFFF81000000) == ["0xffffffff81001020", "0x10", "_stext"]
    assert names(TEXT, 0xFFFFFFFF81001123, within_bytes=1 << 16) == ["do_wp_page"]


def test_hidden_addresses_name_nothing() -> None:
    """kptr_restrict shows zeros."""
    assert names(b"0000000000000000 T do_wp_page\n", 0, 5) == ["0x0", "0x5"]


def test_beside_a_recording(tmp_path: Path) -> None:
    """Plain or packed; absent; damaged."""
    recording = tmp_path / "perf.data"
    assert len(beside(str(recording))) == 0
    (tmp_path / "kallsyms").write_bytes(TEXT)
    assert len(beside(str(recording))) == 4
    (tmp_path / "kallsyms.zst").write_bytes(zstandard.compress(b"ffffffff81001000 t do_fault\n"))
    assert beside(str(tmp_path)).names(np.array([0xFFFFFFFF81001000], np.uint64)) == ["do_fault"]
    (tmp_path / "kallsyms.zst").write_bytes(b"\x28\xb5\x2f\xfdnonsense")
    with pytest.raises(InputError, match="can't be read"):
        beside(str(recording))
