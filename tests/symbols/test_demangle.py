"""Linkage names for people."""

from __future__ import annotations

import pytest

from cowtrace.symbols.demangle import demangle


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        (b"main", "main"),
        (b"i", "i"),
        (b"_ZN2ns3runEv", "ns::run()"),
        (b"_ZNSt6vectorIiSaIiEE9push_backERKi", "std::vector<int, std::allocator<int>>::push_back(int const&)"),
        (b"_ZN12_GLOBAL__N_13fooEv", "(anonymous namespace)::foo()"),
        (b"_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write"),
        (b"_ZN48_$LT$T$u20$as$u20$core..clone..CloneToUninit$GT$5clone17h0123456789abcdefE", "<T as core::clone::CloneToUninit>::clone"),
        (b"_RNvCs1234_7mycrate3foo", "mycrate::foo"),
        (b"_Z", "_Z"),
        (b"_ZNNNNNN", "_ZNNNNNN"),
        (b"evil\x1b[2J\xff", "evil\x1b[2J\\xff"),
    ],
)
def test_names(raw: bytes, plain: str) -> None:
    assert demangle(raw) == plain


def test_a_name_that_would_swell_stays() -> None:
    # each step doubles what the one before wrote
    bomb = b"_Z1fI1BIiiE" + b"".join(b"S_IS%cS%c_E" % (digit, digit) for digit in b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") + b"Evv"
    assert demangle(bomb) == bomb.decode()
    assert demangle(b"_Z" + b"P" * 5000) == "_Z" + "P" * 5000
