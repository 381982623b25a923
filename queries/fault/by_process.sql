-- Which processes took page faults, of which family, and what did they cost?
-- Grain: one row per process id (tgid) that faulted.
CREATE OR REPLACE VIEW fault_by_process(
    -- Process id.
    tgid,
    -- Its name, as in process/name.
    comm,
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
WITH costs AS (
    SELECT
        tgid,
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
        sum(duration_ns)::BIGINT AS duration_ns,
        coalesce(sum(fault_count) FILTER (WHERE duration_ns IS NOT NULL), 0)::BIGINT AS timed_count
    FROM fault__summed
    GROUP BY tgid
)
SELECT
    tgid,
    process_name.comm,
    costs.* EXCLUDE (tgid)
FROM costs
LEFT JOIN process_name USING (tgid)
ORDER BY costs.duration_ns DESC NULLS LAST, costs.fault_count DESC, tgid;
