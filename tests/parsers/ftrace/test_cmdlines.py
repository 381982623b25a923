"""saved_cmdlines and saved_tgids: lines that names can break."""

from __future__ import annotations

import pytest

from cowtrace.parsers.ftrace.cmdlines import parse_cmdlines, parse_tgids


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (b"", {}),
        (b"31 bash\n32 a b  c\n", {31: b"bash", 32: b"a b  c"}),
        (b"31 \n32 next\n", {31: b"", 32: b"next"}),
        (b"31 two\nlines\n32 next\n", {31: b"two\nlines", 32: b"next"}),
        (b"31 \n\n32 next\n", {31: b"\n", 32: b"next"}),
        (b"31 [000] 1.5: x\n32 <...>\n", {31: b"[000] 1.5: x", 32: b"<...>"}),
        (b"lost start\n32 next\n", {32: b"next"}),
        (b"31 old\n31 new\n", {31: b"new"}),
        (b"31 \xff\xfe\n\0garbage", {31: b"\xff\xfe"}),
        (b"31 cut in the mid", {31: b"cut in the mid"}),
        (b"31 longer than any name\n", {31: b"longer than any"}),
        (b"99999999999 no tid\n", {}),
    ],
)
def test_names(text: bytes, names: dict[int, bytes]) -> None:
    assert parse_cmdlines(text) == names


def test_tgids() -> None:
    assert parse_tgids(b"31 31\n32 31\nbash 3\n33 x\n34 \n35 99999999999\n\0") == {31: 31, 32: 31}
