"""Which questions a recording answers: one line a kind of recording."""

from __future__ import annotations

from typing import Any

import pytest

from cowtrace.recording.levels import LEVELS
from cowtrace.report.capabilities import capabilities, recorded
from tests.support.stores import event

SOFTWARE = ("page-faults", "minor-faults", "major-faults")
FRAMES = "addr phys_addr data_page_size"
QUESTIONS = [
    "How many page faults?",
    "Copied or reused?",
    "How long did faults take?",
    "Read or write?",
    "Which address and mapping?",
    "Which page size?",
    "Which fork caused it?",
    "How long did fork() itself take?",
    "Major or minor?",
    "Which faults swapped in?",
    "Which code faulted?",
    "Which files were copied up (overlayfs)?",
    "How much memory, shared and private?",
]


def answers(events: list[dict[str, Any]], functions: str = "", **tables: int) -> str:
    found = capabilities(recorded([{"events": events, "features": {"functions": functions.split()}}], tables))
    assert [item.question for item in found] == QUESTIONS
    for item in found:
        assert item.reason
        assert not (item.answer == "yes" and item.level)
        assert item.level in {"", *LEVELS}
    return " ".join(item.answer for item in found)


@pytest.mark.parametrize(
    ("what", "events", "tables", "expected"),
    [
        ("nothing", [], {}, "no no no no no no no no no no no no no"),
        ("smaps only", [], {"smaps": 9}, "no no no no no no no no no no no no yes"),
        ("page-faults alone", [event("page-faults")], {"process": 1}, "yes no no no no no no no no no partly no no"),
        (
            "sampled by frequency",
            [event("page-faults", "addr", period=None)],
            {"process": 1, "vma": 1},
            "partly no no no yes no no no no no partly no no",
        ),
        (
            "user mode only",
            [event(name + ":u", "addr") for name in SOFTWARE],
            {"process": 1, "vma": 1},
            "partly no yes no yes no no no yes no partly no no",
        ),
        (
            "level low",
            [event(name, FRAMES) for name in SOFTWARE],
            {"process": 1, "vma": 1},
            "yes yes yes partly yes partly yes no yes no partly no no",
        ),
        (
            "exceptions and allocations",
            [event("exceptions:page_fault_user"), event("kmem:mm_page_alloc")],
            {"process": 1, "vma": 1},
            "yes yes no yes yes yes yes no no no partly no no",
        ),
    ],
)
def test_recordings(what: str, events: list[dict[str, Any]], tables: dict[str, int], expected: str) -> None:
    assert answers(events, **tables) == expected, what


@pytest.mark.parametrize(
    ("functions", "events", "expected"),
    [
        (
            "handle_mm_fault do_wp_page ptep_clear_flush kernel_clone",
            [event("exceptions:page_fault_user")],
            "yes yes yes yes partly partly yes yes partly yes partly yes no",
        ),
        ("handle_mm_fault do_wp_page", [], "partly partly yes partly no partly partly no partly yes no yes no"),
        ("ovl_copy_up_one", [], "no no no no no no no no no no no yes no"),
    ],
)
def test_traced_functions(functions: str, events: list[dict[str, Any]], expected: str) -> None:
    """What is called inside do_wp_page tells a copy from a reuse; the handler's calls alone tell less."""
    assert answers(events, functions, span=1, process=1, copyup=1) == expected


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("low", "yes yes yes partly yes partly yes no yes no partly no no"),
        ("standard", "yes yes yes yes yes yes yes yes yes yes partly no no"),
        ("full", "yes yes yes yes yes yes yes yes yes yes yes no no"),
    ],
)
def test_what_a_level_is_recommended_for_it_answers(level: str, expected: str) -> None:
    chosen = LEVELS[level]
    events = [
        event(item.name, FRAMES if item.name in SOFTWARE else "", has_callchain=chosen.callchains and item.stack) for item in chosen.events
    ]
    assert answers(events, process=1, vma=1) == expected


def test_a_recommended_level_answers_what_it_was_recommended_for() -> None:
    poor = capabilities(recorded([{"events": []}], {}))
    for item in poor:
        if item.level:
            chosen = LEVELS[item.level]
            events = [
                event(each.name, FRAMES if each.name in SOFTWARE else "", has_callchain=chosen.callchains and each.stack)
                for each in chosen.events
            ]
            rich = capabilities(recorded([{"events": events}], {"process": 1, "vma": 1}))
            better = next(other for other in rich if other.question == item.question)
            assert better.answer in {"yes", "partly"}, item


def test_several_sources_answer_together() -> None:
    sources = [{"events": [event("exceptions:page_fault_user")]}, {"events": [event("kmem:rss_stat")]}, {}]
    have = recorded(sources, {})
    assert have.names == {"exceptions:page_fault_user", "kmem:rss_stat"}
