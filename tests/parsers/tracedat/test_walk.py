"""Ring buffer pages: every type of event, both byte orders, both sizes of a long; damage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cowtrace.parsers.tracedat.layout import PageLayout
from cowtrace.parsers.tracedat.pieces import Pages
from cowtrace.parsers.tracedat.walk import Events, walk
from cowtrace.parsers.words import Words
from tests.support.ringbuffer import PC, Machine, Page

MACHINES = [Machine(order, long_size) for order in "<>" for long_size in (8, 4)]


def walked(*content: bytes, machine: Machine = PC) -> Events:
    data = b"".join(content)
    words = Words.empty(len(data), machine.order)
    words.u8[: len(data)] = np.frombuffer(data, np.uint8)
    starts = np.arange(0, len(data), machine.page_size)
    pages = Pages(words, starts, np.full(len(starts), machine.page_size), np.zeros(len(starts), np.int64), 0)
    return walk(pages, PageLayout(machine.long_size, machine.data_offset))


def found(events: Events) -> list[tuple[int, int, int]]:
    """Time stamp, size and first byte's offset in the page of every event."""
    return list(zip(events.stamp.tolist(), events.size.tolist(), (events.start % 4096).tolist(), strict=True))


@pytest.mark.parametrize("machine", MACHINES)
def test_every_type_of_event(machine: Machine) -> None:
    page = Page(1_000, machine)
    page.data(5, bytes(8))  # in the short form
    page.data(7, bytes(10), long=True)  # with a length word: 10 bytes, padded to 12
    page.padding(100, 24)  # a discarded event: its time counts
    page.extend((3 << 27) + 1)
    page.data(2, bytes(120))
    page.absolute((9 << 40) + 4)
    page.data(6, bytes(112))
    at = machine.data_offset
    after_extend = 1_000 + 5 + 7 + 100 + (3 << 27) + 1 + 2
    assert found(walked(page.bytes(), machine=machine)) == [
        (1_005, 8, at + 4),
        (1_012, 10, at + 12 + 8),
        (after_extend, 120, at + 12 + 20 + 24 + 8 + 8),
        ((9 << 40) + 10, 112, at + 12 + 20 + 24 + 8 + 128 + 8 + 4),
    ]


def test_an_absolute_stamp_keeps_the_top_bits_of_the_time_before() -> None:
    top = 0xA8 << 56
    page = Page(top + 77).data(1, bytes(8)).absolute(top + (5 << 32)).data(1, bytes(8))
    assert walked(page.bytes()).stamp.tolist() == [top + 78, top + (5 << 32) + 1]


def test_an_empty_rest_ends_the_page() -> None:
    page = Page(10).data(1, bytes(8)).raw(29, 0xFFFFFFFF).data(1, bytes(8))
    events = walked(page.bytes())
    assert (events.stamp.tolist(), events.damaged_count) == ([11], 0)


def test_pages_without_events() -> None:
    events = walked(bytes(4096), Page(9).bytes(), Page(9).extend(1 << 40).bytes())
    assert (len(events.start), events.damaged_count) == (0, 0)


@pytest.mark.parametrize(
    "damage",
    [
        Page(0).data(1, bytes(8)).raw(2 << 5 | 9),  # 36 bytes of data in a page that ends here
        Page(0).data(1, bytes(8)).raw(0, 3),  # a length word that is smaller than itself
        Page(0).data(1, bytes(8)).raw(0, 0xFFFFFFFF),
        Page(0).data(1, bytes(8)).raw(1 << 5 | 29, 0xFFFFFFF0),
        Page(0).data(1, bytes(8)).raw(0),  # the length word is behind the end
        Page(0).data(1, bytes(8)).raw(30),
    ],
)
def test_what_stands_before_the_damage_is_kept(damage: Page) -> None:
    events = walked(damage.bytes(), Page(50).data(1, bytes(8)).bytes())
    assert (events.stamp.tolist(), events.page.tolist(), events.damaged_count) == ([1, 51], [0, 1], 1)


def test_a_page_that_says_more_bytes_than_it_has() -> None:
    page = Page(0).data(1, bytes(8))
    page.lost = -1
    events = walked(page.bytes(used=4081))
    assert (len(events.start), events.damaged_count, len(events.lost_page)) == (0, 1, 0)


@pytest.mark.parametrize("machine", MACHINES)
def test_losses_before_a_page(machine: Machine) -> None:
    first = Page(100, machine).data(1, bytes(8))
    second = Page(200, machine, lost=226).data(1, bytes(8))
    third = Page(300, machine, lost=-1).data(1, bytes(8))
    fourth = Page(400, machine, lost=3)  # and no event behind it
    events = walked(*(page.bytes() for page in (first, second, third, fourth)), machine=machine)
    assert events.lost_page.tolist() == [1, 2, 3]
    assert events.lost_events.tolist() == [226, -1, 3]
    assert events.lost_stamp.tolist() == [201, 301, 400]


STEPS = st.one_of(
    st.tuples(st.just("data"), st.integers(0, (1 << 27) - 1), st.integers(1, 30).map(lambda n: 4 * n)),
    st.tuples(st.just("long"), st.integers(0, (1 << 27) - 1), st.integers(1, 200)),
    st.tuples(st.just("padding"), st.integers(1, (1 << 27) - 1), st.integers(2, 20).map(lambda n: 4 * n)),
    st.tuples(st.just("extend"), st.integers(0, (1 << 58) - 1), st.just(0)),
    st.tuples(st.just("absolute"), st.integers(0, (1 << 59) - 1), st.just(0)),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(STEPS, max_size=20), min_size=1, max_size=6), st.sampled_from(MACHINES))
def test_any_pages_give_back_what_was_put_in(contents: list[list[tuple[str, int, int]]], machine: Machine) -> None:
    expected = []
    data = []
    for number, content in enumerate(contents):
        page, now = Page(number, machine), number
        for step, time, size in content:
            now = now & 0xF8 << 56 | time if step == "absolute" else (now + time) % (1 << 64)
            if step in ("data", "long"):
                page.data(time, bytes(size), long=step == "long")
                expected.append((number, now, size))
            elif step == "padding":
                page.padding(time, size)
            else:
                getattr(page, step)(time)
        data.append(page.bytes())
    events = walked(*data, machine=machine)
    assert list(zip(events.page.tolist(), events.stamp.tolist(), events.size.tolist(), strict=True)) == expected
    assert events.damaged_count == 0
