"""Recording on this host: what to ask perf for, how to run it beside a command, what to copy from /proc.

levels     what each level records, what it costs, what it cannot tell: data
host       reading /proc and /sys, and what this process may do here
plan       a level, cut down to what this host, this perf and these rights allow
session    one recording from start to the finished folder; collectors run beside perf
doctor     what could be recorded here, and what to change: one check, one function
"""
