"""Many lines of ``perf script`` at a time; what is not exactly of a common layout is left to the reader of lines."""
