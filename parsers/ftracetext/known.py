"""Events whose text is known: the fields of the binary record, and how the kernel and trace-cmd print them.

In a template ``{field:kind}`` stands for a field; a comm and a text may hold anything, so they reach as far as the rest allows.
Sources: include/trace/events/{sched,task,kmem}.h, arch/x86/include/asm/trace/exceptions.h; trace-cmd: lib/traceevent/plugins.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cowtrace.parsers.ftracetext import values
from cowtrace.parsers.ftracetext.shapes import COMM, SIGNED, TEXT, UNSIGNED, Shape, slots_of

Convert = Callable[[str], int | None]
#: Kind in a template -> pattern of its text, and how it becomes a number; None: it stays bytes.
KINDS: dict[str, tuple[str, Convert | None]] = {
    "c": (r".{0,16}", None),
    "s": (r".*", None),
    "d": (r"-?\d{1,20}", values.number),
    "n": (r"\S+", values.number),
    "X": (r"[0-9a-f]{1,16}", values.hexadecimal),
    "p": (r"\S*(?: \(0x[0-9a-f]{1,16}\))?", values.address),
    "y": (r"\S*(?: \(0x[0-9a-f]{1,16}\))?", values.address),
    "gfp": (r"\S+", values.gfp),
    "state": (r"\S+", values.task_state),
    "member": (r"\S+", values.member),
    "bool": (r"\w+", values.boolean),
}
_PLACE = re.compile(r"\{(\w*):(\w+)\}")


@dataclass(frozen=True, slots=True)
class Template:
    """One way of printing an event.

    Attributes:
        text: The template itself.
        parts: Literal texts around the fields.
        fields: Name and kind of each field, "" for one that the record does not have.
        pattern: Matches a whole text.
    """

    text: str
    parts: tuple[str, ...]
    fields: tuple[tuple[str, str], ...]
    pattern: re.Pattern[bytes]

    @classmethod
    def of(cls, text: str) -> Template:
        """Compile a template."""
        pieces = _PLACE.split(text)
        parts = tuple(pieces[::3])
        fields = tuple(zip(pieces[1::3], pieces[2::3], strict=True))
        source = "".join(
            re.escape(part) + (f"({KINDS[kind[1]][0]})" if kind else "") for part, kind in zip(parts, [*fields, None], strict=True)
        )
        return cls(text, parts, fields, re.compile(source.encode(), re.DOTALL))


@dataclass(frozen=True, slots=True)
class Known:
    """One event.

    Attributes:
        shape: Name and fields.
        templates: Ways of printing it, the usual one first.
        symbol: Field that takes the symbol when the number of the field named in ``symbol_of`` is not printed.
        symbol_of: That field.
    """

    shape: Shape
    templates: tuple[Template, ...]
    symbol: str = ""
    symbol_of: str = ""
    place: dict[str, int] = field(default_factory=dict)

    def read(self, text: bytes) -> list[Any] | None:
        """Values of the fields; None when the text is printed in another way."""
        for template in self.templates:
            match = template.pattern.fullmatch(text)
            if match is not None:
                found = self._values(template, match)
                if found is not None:
                    return found
        return None

    def _values(self, template: Template, match: re.Match[bytes]) -> list[Any] | None:
        result: list[Any] = [b"" if slot.kind in (COMM, TEXT) else 0 for slot in self.shape.slots]
        for (name, kind), raw in zip(template.fields, match.groups(), strict=True):
            if not name:
                continue
            convert = KINDS[kind][1]
            value: Any = raw if convert is None else convert(raw.decode("latin-1"))
            if value is None and name == self.symbol_of:
                result[self.place[self.symbol]] = raw
            elif value is None:
                return None
            else:
                result[self.place[name]] = value
        return result


def _known(name: str, fields: str, *templates: str, symbol: str = "", symbol_of: str = "") -> Known:
    """``fields``: ``name`` is unsigned, ``-name`` signed, ``@name`` a comm, ``"name`` a text."""
    marks = {"-": SIGNED, "@": COMM, '"': TEXT}
    words = fields.split()
    names = tuple(word.lstrip('-@"') for word in words)
    kinds = "".join(marks.get(word[0], UNSIGNED) for word in words)
    shape = Shape(name, slots_of(names, kinds))
    place = {each: number for number, each in enumerate(names)}
    return Known(shape, tuple(map(Template.of, templates)), symbol, symbol_of, place)


_WAKEUP = ("comm={comm:c} pid={pid:d} prio={prio:d} target_cpu={target_cpu:d}", "{comm:c}:{pid:d} [{prio:d}] CPU:{target_cpu:d}")
_WAKEUP_RAW = (*_WAKEUP, "comm={comm:c} pid={pid:d} prio={prio:d} success={:d} target_cpu={target_cpu:d}")
_SUCCESS = (
    "{comm:c}:{pid:d} [{prio:d}] success={:d} CPU:{target_cpu:d}",
    "{comm:c}:{pid:d} [{prio:d}]<CANT FIND FIELD success> CPU:{target_cpu:d}",
)
_EXIT = ("comm={comm:c} pid={pid:d} prio={prio:d}",)
_FAULT = "address={address:p} ip={ip:y} error_code={error_code:n}"

_ALL = (
    _known("exceptions:page_fault_user", "address ip error_code", _FAULT),
    _known("exceptions:page_fault_kernel", 'address ip error_code "ip_symbol', _FAULT, symbol="ip_symbol", symbol_of="ip"),
    _known(
        "sched:sched_process_fork",
        "@parent_comm -parent_pid @child_comm -child_pid",
        "comm={parent_comm:c} pid={parent_pid:d} child_comm={child_comm:c} child_pid={child_pid:d}",
        "parent_comm={parent_comm:c} parent_pid={parent_pid:d} child_comm={child_comm:c} child_pid={child_pid:d}",
    ),
    _known("sched:sched_process_exec", '"filename -pid -old_pid', "filename={filename:s} pid={pid:d} old_pid={old_pid:d}"),
    _known(
        "sched:sched_process_exit",
        "@comm -pid -prio group_dead",
        "comm={comm:c} pid={pid:d} prio={prio:d} group_dead={group_dead:bool}",
        *_EXIT,
    ),
    _known("sched:sched_process_free", "@comm -pid -prio", *_EXIT),
    _known("sched:sched_process_wait", "@comm -pid -prio", *_EXIT),
    _known(
        "sched:sched_switch",
        "@prev_comm -prev_pid -prev_prio -prev_state @next_comm -next_pid -next_prio",
        "prev_comm={prev_comm:c} prev_pid={prev_pid:d} prev_prio={prev_prio:d} prev_state={prev_state:state} ==> "
        "next_comm={next_comm:c} next_pid={next_pid:d} next_prio={next_prio:d}",
        "prev_comm={prev_comm:c} prev_pid={prev_pid:d} prev_prio={prev_prio:d} prev_state={prev_state:state} "
        "next_comm={next_comm:c} next_pid={next_pid:d} next_prio={next_prio:d}",
        "{prev_comm:c}:{prev_pid:d} [{prev_prio:d}] {prev_state:state} ==> {next_comm:c}:{next_pid:d} [{next_prio:d}]",
    ),
    _known("sched:sched_waking", "@comm -pid -prio -target_cpu", *_WAKEUP_RAW, *_SUCCESS),
    _known("sched:sched_wakeup", "@comm -pid -prio -target_cpu", *_WAKEUP_RAW, *_SUCCESS),
    _known("sched:sched_wakeup_new", "@comm -pid -prio -target_cpu", *_WAKEUP_RAW, *_SUCCESS),
    _known(
        "sched:sched_migrate_task",
        "@comm -pid -prio -orig_cpu -dest_cpu",
        "comm={comm:c} pid={pid:d} prio={prio:d} orig_cpu={orig_cpu:d} dest_cpu={dest_cpu:d}",
    ),
    _known(
        "task:task_newtask",
        "-pid @comm clone_flags -oom_score_adj",
        "pid={pid:d} comm={comm:c} clone_flags={clone_flags:X} oom_score_adj={oom_score_adj:d}",
        "pid={pid:d} comm={comm:c} clone_flags={clone_flags:n} oom_score_adj={oom_score_adj:d}",
    ),
    _known(
        "task:task_rename",
        "-pid @oldcomm @newcomm -oom_score_adj",
        "pid={pid:d} oldcomm={oldcomm:c} newcomm={newcomm:c} oom_score_adj={oom_score_adj:d}",
    ),
    _known(
        "kmem:mm_page_alloc",
        "pfn order gfp_flags -migratetype",
        "page={:p} pfn={pfn:n} order={order:d} migratetype={migratetype:d} gfp_flags={gfp_flags:gfp}",
        "pfn={pfn:n} order={order:n} gfp_flags={gfp_flags:gfp} migratetype={migratetype:n}",
    ),
    _known("kmem:mm_page_free", "pfn order", "page={:p} pfn={pfn:n} order={order:n}", "pfn={pfn:n} order={order:n}"),
    _known(
        "kmem:rss_stat",
        "mm_id curr -member -size",
        "mm_id={mm_id:n} curr={curr:n} type={member:member} size={size:d}B",
        "mm_id={mm_id:n} curr={curr:n} member={member:member} size={size:d}B",
        "mm_id={mm_id:n} curr={curr:n} member={member:n} size={size:n}",
    ),
)  # fmt: skip

#: By the name that the text shows, and by the whole name.
KNOWN: dict[str, Known] = {each.shape.name.partition(":")[2]: each for each in _ALL} | {each.shape.name: each for each in _ALL}

#: Systems of other events, by the beginning of the name or the name itself; the longest that fits counts.
_SYSTEMS = (
    ("sched", "sched_"), ("task", "task_"), ("kmem", "mm_page_ kmalloc kfree kmem_cache_ rss_stat mm_alloc_contig"),
    ("exceptions", "page_fault_user page_fault_kernel"), ("signal", "signal_generate signal_deliver"),
    ("irq", "irq_handler_ softirq_ tasklet_"), ("timer", "timer_ hrtimer_ itimer_ tick_stop"), ("workqueue", "workqueue_"),
    ("huge_memory", "mm_khugepaged_ mm_collapse_huge_page"), ("filemap", "mm_filemap_ filemap_ file_check_and_advance_wb_err"),
    ("vmscan", "mm_vmscan_"), ("compaction", "mm_compaction_"), ("migrate", "mm_migrate_pages set_migration_pte remove_migration_pte"),
    ("pagemap", "mm_lru_"), ("oom", "oom_score_adj_update mark_victim wake_reaper"), ("mmap", "vm_unmapped_area"),
    ("thp", "hugepage_"), ("ksm", "ksm_"), ("block", "block_"), ("syscalls", "sys_enter_ sys_exit_"),
    ("writeback", "writeback_ wbc_writepage"), ("ftrace", "funcgraph_ bprint raw_data kernel_stack user_stack func_repeats print"),
)  # fmt: skip
_BY_PREFIX = sorted(((word, system) for system, words in _SYSTEMS for word in words.split()), key=lambda pair: -len(pair[0]))
_AUTOMATIC_PROBE = re.compile(r"^[pr]_.+_-?\d+$")


def full_name(name: str) -> str:
    """An event's name with its system in front, where that is known."""
    if ":" in name:
        return name
    for prefix, system in _BY_PREFIX:
        if name == prefix or (prefix.endswith("_") and name.startswith(prefix)) or (prefix in ("kmalloc", "kfree") and name == prefix):
            return f"{system}:{name}"
    return f"kprobes:{name}" if _AUTOMATIC_PROBE.match(name) else name
