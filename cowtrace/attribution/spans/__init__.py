"""Calls of kernel functions: from entries and exits to spans, and what the spans within a fault say about it.

batch of events
   │ edges       entries and exits: function_graph, kprobes, the function tracer
   ▼ nest        which exit ends which entry, which call is inside which; per thread, by sorting
   │ marks       what each call means where it stands (``ptep_clear_flush`` below ``do_wp_page``: a copy)
   ▼ builder     rows of table ``span``; one row of marks for each ``handle_mm_fault``, for the pairing of faults
   │ path        marks -> the path that the kernel took
"""
