"""Copy-ups from spans: each call of ovl_copy_up_one, with its cause and what it moved."""

from __future__ import annotations

import numpy as np
import pytest

from cowtrace.attribution.copyup_spans import CopyUpSpans
from cowtrace.attribution.spans.builder import SpanBuilder
from tests.attribution.spans.test_path import calls
from tests.support.edges import edges, functions

DATA = "ovl_copy_up_one { ovl_copy_up_file { do_splice_direct { } } ovl_copy_up_metadata { } }"
METADATA = "ovl_copy_up_one { ovl_copy_up_metadata { } }"


def found(text: str) -> list[tuple[str, bool | None, str | None]]:
    """(trigger, metadata only, file type) of the copy-ups of one thread."""
    known = functions()
    built = SpanBuilder(known, np.empty(0, np.int64)).add(edges(calls(text), known), final=True)
    spans = CopyUpSpans(known)
    spans.add(built.spans)
    return [(row.trigger, row.metadata_only, row.file_type) for row in spans.finish({}, {})]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"ovl_open {{ ovl_maybe_copy_up {{ ovl_copy_up_flags {{ {DATA} }} }} }}", [("open_write", False, None)]),
        (f"ovl_setattr {{ ovl_copy_up_with_data {{ ovl_copy_up_flags {{ {DATA} }} }} }}", [("truncate", False, None)]),
        (f"chmod_common {{ ovl_setattr {{ {METADATA} }} }} ovl_open {{ {DATA} }}", [("chmod", True, None), ("open_write", False, None)]),
        # nothing that could show data occurs anywhere
        (f"ovl_setattr {{ {METADATA} }}", [("setattr", None, None)]),
        # directories above a file come first, in the same call
        (
            f"ovl_open {{ ovl_copy_up_flags {{ {METADATA} {METADATA} {DATA} }} }}",
            [("open_write", True, "dir")] * 2 + [("open_write", False, None)],
        ),
        # entered with nothing left to copy
        ("ovl_open { ovl_maybe_copy_up { ovl_copy_up_flags { } } }", []),
    ],
)
def test_copyups(text: str, expected: list[tuple[str, bool | None, str | None]]) -> None:
    assert found(text) == expected
