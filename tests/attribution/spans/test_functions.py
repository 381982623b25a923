"""Names of functions without what the compiler and the kernel added."""

from __future__ import annotations

import pytest

from cowtrace.attribution.spans.functions import plain_name


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("do_wp_page", "do_wp_page"),
        ("ovl_open [overlay]", "ovl_open"),
        ("ovl_set_attr.part.0", "ovl_set_attr"),
        ("copy_mc_user_highpage.constprop.0.isra.0", "copy_mc_user_highpage"),
        ("do_fault.cold", "do_fault"),
        ("do_fault.llvm.1234567", "do_fault"),
        ("alloc_pages.4321", "alloc_pages"),
        ("__pfx_do_fault", "do_fault"),
        ("0xffffffff81000000", "0xffffffff81000000"),
    ],
)
def test_plain_name(symbol: str, name: str) -> None:
    assert plain_name(symbol) == name
