"""Record types of perf.data, by number.

Sources: include/uapi/linux/perf_event.h (enum perf_event_type, PERF_RECORD_MISC_*), tools/lib/perf/include/perf/event.h
(enum perf_user_event_type).
"""

from __future__ import annotations

MMAP, LOST, COMM, EXIT, THROTTLE, UNTHROTTLE, FORK, READ, SAMPLE, MMAP2 = range(1, 11)
LOST_SAMPLES, SWITCH, SWITCH_CPU_WIDE = 13, 14, 15
CGROUP = 19
HEADER_ATTR, HEADER_TRACING_DATA, HEADER_BUILD_ID, FINISHED_ROUND = 64, 66, 67, 68
AUXTRACE = 71
EVENT_UPDATE = 78
HEADER_FEATURE, COMPRESSED, FINISHED_INIT, COMPRESSED2 = 80, 81, 82, 83

#: The first type that the perf tool writes itself; smaller ones come from the kernel.
USER_TYPE_START = 64

#: Names as in ``perf report --stats``.
TYPE_NAMES: dict[int, str] = {
    1: "MMAP",
    2: "LOST",
    3: "COMM",
    4: "EXIT",
    5: "THROTTLE",
    6: "UNTHROTTLE",
    7: "FORK",
    8: "READ",
    9: "SAMPLE",
    10: "MMAP2",
    11: "AUX",
    12: "ITRACE_START",
    13: "LOST_SAMPLES",
    14: "SWITCH",
    15: "SWITCH_CPU_WIDE",
    16: "NAMESPACES",
    17: "KSYMBOL",
    18: "BPF_EVENT",
    19: "CGROUP",
    20: "TEXT_POKE",
    21: "AUX_OUTPUT_HW_ID",
    22: "CALLCHAIN_DEFERRED",
    64: "ATTR",
    65: "EVENT_TYPE",
    66: "TRACING_DATA",
    67: "BUILD_ID",
    68: "FINISHED_ROUND",
    69: "ID_INDEX",
    70: "AUXTRACE_INFO",
    71: "AUXTRACE",
    72: "AUXTRACE_ERROR",
    73: "THREAD_MAP",
    74: "CPU_MAP",
    75: "STAT_CONFIG",
    76: "STAT",
    77: "STAT_ROUND",
    78: "EVENT_UPDATE",
    79: "TIME_CONV",
    80: "FEATURE",
    81: "COMPRESSED",
    82: "FINISHED_INIT",
    83: "COMPRESSED2",
    84: "BPF_METADATA",
    85: "SCHEDSTAT_CPU",
    86: "SCHEDSTAT_DOMAIN",
}


def type_name(number: int) -> str:
    """Name of a record type; an unknown one is ``type N``."""
    return TYPE_NAMES.get(number, f"type {number}")


#: Bits of ``misc``. Bits 13-15 mean different things by record type.
MISC_CPUMODE = 7
MISC_MMAP_DATA = 1 << 13
MISC_COMM_EXEC = 1 << 13
MISC_MMAP_BUILD_ID = 1 << 14
MISC_BUILD_ID_SIZE = 1 << 15
MISC_LOST_SAMPLES_BPF = 1 << 15
