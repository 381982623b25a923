"""Recording with ftrace: a tracefs instance of our own, its ring buffers drained while it runs, a trace.dat in the end.

events      which events and functions each level asks for: data
setup       what of them this host has, and what it lacks
instance    the instance: made, set up, removed whatever happens
targets     which tasks are recorded, and what /proc knows of them
drain       ring buffer pages to files, one thread for a few CPUs
tracedat    trace.dat (version 7) from pages and from what tracefs says about them
collector   all of it beside a recording
survivors   instances that a killed recorder left behind
"""
