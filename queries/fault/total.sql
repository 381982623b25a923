-- What did all faults cost?
-- Grain: one row.
CREATE OR REPLACE VIEW fault_total(
    -- Faults; count. The seven counts below add up to it.
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
    coalesce(sum(fault_count), 0)::BIGINT,
    coalesce(sum(fault_count) FILTER (WHERE family = 'copy'), 0)::BIGINT,
    coalesce(sum(fault_count) FILTER (WHERE family = 'reuse'), 0)::BIGINT,
    coalesce(sum(fault_count) FILTER (WHERE family = 'first_touch'), 0)::BIGINT,
    coalesce(sum(fault_count) FILTER (WHERE family = 'file'), 0)::BIGINT,
    coalesce(sum(fault_count) FILTER (WHERE family = 'other'), 0)::BIGINT,
    coalesce(sum(fault_count) FILTER (WHERE family = 'failed'), 0)::BIGINT,
    coalesce(sum(fault_count) FILTER (WHERE family = 'unknown'), 0)::BIGINT,
    coalesce(sum(copied_bytes), 0)::BIGINT,
    coalesce(sum(zeroed_bytes), 0)::BIGINT,
    coalesce(sum(unsized_count), 0)::BIGINT,
    sum(duration_ns)::BIGINT,
    coalesce(sum(fault_count) FILTER (WHERE duration_ns IS NOT NULL), 0)::BIGINT
FROM fault__summed;
