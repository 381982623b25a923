-- Which functions took the page faults (who wrote), and what did they cost?
-- Grain: one row per function that faulted; places without a known function are one row per file.
-- Names are found on this machine, by build-id; table symbol_note says what is missing and why. A fault in the kernel is the kernel's: its
-- caller stands in code/by_stack.
CREATE OR REPLACE VIEW code_by_function(
    -- Function, demangled; NULL where none is known.
    symbol,
    -- File that holds it, or [kernel.kallsyms], [module], perf-PID.map; NULL where no mapping explains the instruction.
    dso,
    -- Faults; count.
    fault_count,
    -- Faults that copied an old page; count.
    copy_count,
    -- Faults that made a page writable in place; count.
    reuse_count,
    -- Faults that zero-filled a page or mapped the shared zero page; count.
    first_touch_count,
    -- Faults on files and shared memory that copied nothing; count.
    file_count,
    -- Swap-in, NUMA hint, userfaultfd, spurious and kinds new to this library; count.
    other_count,
    -- Faults that mapped nothing; count.
    failed_count,
    -- Faults that the recording can't tell; count.
    unknown_count,
    -- Bytes copied; bytes. Unknown sizes count as 0.
    copied_bytes,
    -- Bytes zero-filled; bytes. Unknown sizes count as 0.
    zeroed_bytes,
    -- Copies whose size was not recorded; count.
    unsized_count,
    -- Time inside them, recorder cost included; ns. NULL when none was timed.
    duration_ns,
    -- Faults with a time; count.
    timed_count
) AS
SELECT
    frame.symbol,
    frame.dso,
    sum(places.fault_count)::BIGINT,
    sum(places.copy_count)::BIGINT,
    sum(places.reuse_count)::BIGINT,
    sum(places.first_touch_count)::BIGINT,
    sum(places.file_count)::BIGINT,
    sum(places.other_count)::BIGINT,
    sum(places.failed_count)::BIGINT,
    sum(places.unknown_count)::BIGINT,
    sum(places.copied_bytes)::BIGINT,
    sum(places.zeroed_bytes)::BIGINT,
    sum(places.unsized_count)::BIGINT,
    sum(places.duration_ns)::BIGINT,
    sum(places.timed_count)::BIGINT
FROM code__by_frame AS places
LEFT JOIN frame USING (frame_id)
GROUP BY frame.symbol, frame.dso
ORDER BY sum(places.duration_ns) DESC NULLS LAST, sum(places.fault_count) DESC, frame.symbol, frame.dso;
