"""What ``--overlay`` adds to a level: the system calls that can copy a file up, and what they do to files meanwhile.

``raw_syscalls`` are two events for all calls; one event for each call, as in ``syscalls``, would add seconds to perf's start and end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cowtrace.copyup.triggers import call_numbers
from cowtrace.recording.levels import Event, Level
from cowtrace.recording.overlay.mounts import OverlayMount

# a dirty inode with new data pages only (I_DIRTY_PAGES) says nothing about copy-ups. I_DIRTY, include/linux/fs.h: 7 until 6.18 or so,
# then the bits moved to 0x70
_WHOLE_INODE = "flags == 7 || flags == 112"


def overlay_events(machine: str) -> tuple[Event, ...]:
    """The events for a machine (``uname -m``); without the calls where their numbers are not known."""
    calls: tuple[Event, ...] = ()
    numbers = call_numbers(machine)
    if numbers:
        wanted = " || ".join(f"id == {number}" for number in sorted(numbers))
        calls = (
            Event("raw_syscalls:sys_enter", "opens for writing, chmod, chown, rename: what copies a file up", False, filter=wanted),
            Event("raw_syscalls:sys_exit", "end and result of these", False, filter=wanted),
        )
    return (
        *calls,
        Event("writeback:writeback_mark_inode_dirty", "the inode that a copy-up makes", filter=_WHOLE_INODE, chain=True),
        Event("filemap:mm_filemap_add_to_page_cache", "pages of the file that is copied, and of its copy", stack=False),
    )


def with_overlay(level: Level, machine: str, mounts: Sequence[OverlayMount]) -> Level:
    """The level with what copy-ups on these mounts need."""
    have = {event.name for event in level.events}
    wanted = overlay_events(machine)
    if any(mount.upper_fs in ("tmpfs", "ramfs") for mount in mounts):
        # these keep their pages in the page cache without an event that says so
        wanted += (Event("kmem:mm_page_alloc", "pages of a copy on tmpfs"),)
    added = tuple(event for event in wanted if event.name not in have)
    return replace(level, events=level.events + added)
