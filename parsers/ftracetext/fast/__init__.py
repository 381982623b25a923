"""Many lines at a time: what has a common layout is read in columns, eight bytes of each line per step."""
