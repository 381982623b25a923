"""What each kind of fault and a fork cost on this host: a workload of known faults, recorded like any other, kept as a profile.

workload   touches memory in every way that a profile prices; a program of its own, plain Python
fit        fork times by mappings, pages and huge pages, and distributions by kind: pure functions of numbers
profile    the JSON file and its place
session    runs the workload under `cowtrace record`, sets and restores what it needs
"""
