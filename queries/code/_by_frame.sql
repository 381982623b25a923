-- Which places in code faulted, and what did that cost?
-- Grain: one row per place in code that faulted, and one for all faults without an instruction.
CREATE OR REPLACE VIEW code__by_frame(
    -- Place: row of frame; NULL when the instruction was not recorded.
    frame_id,
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
    ip_frame.frame_id,
    sum(fault_count)::BIGINT AS fault_count,
    coalesce(sum(fault_count) FILTER (WHERE family = 'copy'), 0)::BIGINT AS copy_count,
    coalesce(sum(fault_count) FILTER (WHERE family = 'reuse'), 0)::BIGINT AS reuse_count,
    coalesce(sum(fault_count) FILTER (WHERE family = 'first_touch'), 0)::BIGINT AS first_touch_count,
    coalesce(sum(fault_count) FILTER (WHERE family = 'file'), 0)::BIGINT AS file_count,
    coalesce(sum(fault_count) FILTER (WHERE family = 'other'), 0)::BIGINT AS other_count,
    coalesce(sum(fault_count) FILTER (WHERE family = 'failed'), 0)::BIGINT AS failed_count,
    coalesce(sum(fault_count) FILTER (WHERE family = 'unknown'), 0)::BIGINT AS unknown_count,
    coalesce(sum(copied_bytes), 0)::BIGINT AS copied_bytes,
    coalesce(sum(zeroed_bytes), 0)::BIGINT AS zeroed_bytes,
    sum(unsized_count)::BIGINT AS unsized_count,
    sum(faults.duration_ns)::BIGINT AS duration_ns,
    coalesce(sum(fault_count) FILTER (WHERE duration_ns IS NOT NULL), 0)::BIGINT AS timed_count
FROM fault__weighed AS faults
LEFT JOIN text_space ON text_space.mm_id = faults.mm_id
LEFT JOIN ip_frame
    ON ip_frame.ip = faults.ip
    AND ip_frame.text_mm_id IS NOT DISTINCT FROM text_space.text_mm_id
    AND faults.ts_ns >= ip_frame.start_ns
    AND faults.ts_ns < ip_frame.end_ns
GROUP BY ip_frame.frame_id;
