"""Ring buffer pages from readable events: the inverse of the reader, one event at a time."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

LOST, LOST_STORED = 1 << 31, 1 << 30


@dataclass(frozen=True)
class Machine:
    """What the bytes depend on: byte order, size of the kernel's long, size of a page."""

    order: str = "<"
    long_size: int = 8
    page_size: int = 4096

    def pack(self, codes: str, *values: int) -> bytes:
        return struct.pack(self.order + codes, *values)

    @property
    def long(self) -> str:
        return "Q" if self.long_size == 8 else "I"

    @property
    def data_offset(self) -> int:
        return 8 + self.long_size

    @property
    def header_page(self) -> bytes:
        """The text that the kernel gives for its pages."""
        lines = [
            "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;",
            f"\tfield: local_t commit;\toffset:8;\tsize:{self.long_size};\tsigned:1;",
            "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;",
            f"\tfield: char data;\toffset:{self.data_offset};\tsize:{self.page_size - self.data_offset};\tsigned:0;",
        ]
        return "".join(line + "\n" for line in lines).encode()


PC = Machine()


@dataclass
class Page:
    """A page that starts at a time stamp; the methods append an event ``delta`` behind the one before."""

    stamp: int
    machine: Machine = PC
    body: bytearray = field(default_factory=bytearray)
    #: None: nothing was lost before the page; -1: lost, number unknown
    lost: int | None = None

    def _word(self, kind: int, delta: int) -> bytes:
        assert delta < 1 << 27
        return self.machine.pack("I", delta << 5 | kind if self.machine.order == "<" else kind << 27 | delta)

    def data(self, delta: int, payload: bytes, *, long: bool = False) -> Page:
        """An event; ``long`` forces the form with a length word, which payloads above 112 bytes have anyway."""
        padded = payload + bytes(-len(payload) % 4)
        if len(padded) > 112 or long:
            self.body += self._word(0, delta) + self.machine.pack("I", len(payload) + 4) + padded
        else:
            self.body += self._word(len(padded) // 4, delta) + padded
        return self

    def padding(self, delta: int, size: int) -> Page:
        """A discarded event of ``size`` bytes in all."""
        self.body += self._word(29, delta) + self.machine.pack("I", size - 4) + bytes(size - 8)
        return self

    def extend(self, delta: int) -> Page:
        """A time extend: any ``delta``."""
        self.body += self._word(30, delta & (1 << 27) - 1) + self.machine.pack("I", delta >> 27)
        return self

    def absolute(self, stamp: int) -> Page:
        """An absolute time stamp; its top 5 bits are not stored."""
        self.body += self._word(31, stamp & (1 << 27) - 1) + self.machine.pack("I", stamp >> 27 & 0xFFFFFFFF)
        return self

    def raw(self, *words: int) -> Page:
        """Words as they are."""
        self.body += self.machine.pack(f"{len(words)}I", *words)
        return self

    def bytes(self, *, used: int | None = None) -> bytes:
        """The page; ``used`` overrides the number of used bytes."""
        commit = len(self.body) if used is None else used
        tail = b""
        if self.lost is not None:
            commit |= LOST
            if self.lost >= 0:
                commit |= LOST_STORED
                tail = self.machine.pack(self.machine.long, self.lost)
        page = self.machine.pack("Q" + self.machine.long, self.stamp, commit) + self.body + tail
        assert len(page) <= self.machine.page_size
        return page.ljust(self.machine.page_size, b"\0")


def pages(*parts: Page) -> bytes:
    """Several pages in a row."""
    return b"".join(part.bytes() for part in parts)


@dataclass(frozen=True)
class Format:
    """A trace event: fields as ``("char comm", 8, 16, False)``: declaration, offset, size, signed."""

    system: str
    name: str
    number: int
    fields: Sequence[tuple[str, int, int, bool]] = ()

    @property
    def text(self) -> bytes:
        """The event's format file."""
        common = (
            ("unsigned short common_type", 0, 2, False),
            ("unsigned char common_flags", 2, 1, False),
            ("unsigned char common_preempt_count", 3, 1, False),
            ("int common_pid", 4, 4, True),
        )
        lines = [f"name: {self.name}", f"ID: {self.number}", "format:"]
        for declaration, offset, size, signed in (*common, *self.fields):
            lines.append(f"\tfield:{declaration};\toffset:{offset};\tsize:{size};\tsigned:{int(signed)};")
        return "\n".join([*lines, "", 'print fmt: ""', ""]).encode()

    def payload(self, tid: int, machine: Machine = PC, **values: int | bytes) -> bytes:
        """Bytes of one event; strings of dynamic length (``__data_loc``) are put at the end."""
        size = max((offset + size for _, offset, size, _ in self.fields), default=8)
        head = bytearray(size)
        head[:8] = machine.pack("HBBi", self.number, 0, 0, tid)
        tail = b""
        for declaration, offset, width, signed in self.fields:
            name = declaration.split("[", 1)[0].split()[-1] if "__data_loc" not in declaration else declaration.split()[-1]
            value = values.pop(name, 0)
            if "__data_loc" in declaration and isinstance(value, bytes):
                head[offset : offset + 4] = machine.pack("I", (len(value) + 1) << 16 | size + len(tail))
                tail += value + b"\0"
            elif isinstance(value, bytes):
                content = value[:width].ljust(width, b"\0") if width else b""
                head[offset : offset + width] = content
                tail += b"" if width else value
            else:
                head[offset : offset + width] = value.to_bytes(width, "little" if machine.order == "<" else "big", signed=signed)
        assert not values, f"no such field: {values}"
        return bytes(head) + tail


FAULT = Format(
    "exceptions",
    "page_fault_user",
    190,
    (("unsigned long address", 8, 8, False), ("unsigned long ip", 16, 8, False), ("unsigned long error_code", 24, 8, False)),
)
SWITCH = Format(
    "sched",
    "sched_switch",
    372,
    (
        ("char prev_comm[16]", 8, 16, False),
        ("pid_t prev_pid", 24, 4, True),
        ("int prev_prio", 28, 4, True),
        ("long prev_state", 32, 8, True),
        ("char next_comm[16]", 40, 16, False),
        ("pid_t next_pid", 56, 4, True),
        ("int next_prio", 60, 4, True),
    ),
)
FORK = Format(
    "sched",
    "sched_process_fork",
    366,
    (
        ("char parent_comm[16]", 8, 16, False),
        ("pid_t parent_pid", 24, 4, True),
        ("char child_comm[16]", 28, 16, False),
        ("pid_t child_pid", 44, 4, True),
    ),
)
NEWTASK = Format(
    "task",
    "task_newtask",
    205,
    (
        ("pid_t pid", 8, 4, True),
        ("char comm[16]", 12, 16, False),
        ("unsigned long clone_flags", 32, 8, False),
        ("short oom_score_adj", 40, 2, True),
    ),
)
RENAME = Format(
    "task",
    "task_rename",
    204,
    (
        ("pid_t pid", 8, 4, True),
        ("char oldcomm[16]", 12, 16, False),
        ("char newcomm[16]", 28, 16, False),
        ("short oom_score_adj", 44, 2, True),
    ),
)
EXEC = Format(
    "sched",
    "sched_process_exec",
    365,
    (("__data_loc char[] filename", 8, 4, False), ("pid_t pid", 12, 4, True), ("pid_t old_pid", 16, 4, True)),
)
EXIT = Format("sched", "sched_process_exit", 369, (("char comm[16]", 8, 16, False), ("pid_t pid", 24, 4, True), ("int prio", 28, 4, True)))
KERNEL_STACK = Format("ftrace", "kernel_stack", 4, (("int size", 8, 4, True), ("unsigned long caller[]", 16, 0, False)))
USER_STACK = Format("ftrace", "user_stack", 13, (("unsigned int tgid", 8, 4, False), ("unsigned long caller[8]", 16, 64, False)))
PRINT = Format("ftrace", "print", 5, (("unsigned long ip", 8, 8, False), ("char buf[]", 16, 0, False)))

FORMATS = (FAULT, SWITCH, FORK, NEWTASK, RENAME, EXEC, EXIT, KERNEL_STACK, USER_STACK, PRINT)


def fault(tid: int, address: int, machine: Machine = PC) -> bytes:
    """Payload of a user page fault."""
    return FAULT.payload(tid, machine, address=address, ip=0x400000, error_code=6)
