-- Which commands paid for copy-on-write, whatever the process?
-- Grain: one row per name of a thread with at least one copy or reuse.
CREATE OR REPLACE VIEW cow_by_comm(
    -- Name of the thread at that moment.
    comm,
    -- Processes with such a thread; count.
    process_count,
    -- Faults that copied an old page; count.
    copy_count,
    -- Faults that made a page writable in place; count.
    reuse_count,
    -- Bytes copied; bytes. Unknown sizes count as 0.
    copied_bytes,
    -- Copies whose size was not recorded; count.
    unsized_count,
    -- Time inside them, recorder cost included; ns. NULL when none was timed.
    duration_ns,
    -- Faults with a time; count.
    timed_count
) AS
SELECT
    comm,
    count(DISTINCT tgid),
    coalesce(sum(fault_count) FILTER (WHERE family = 'copy'), 0)::BIGINT,
    coalesce(sum(fault_count) FILTER (WHERE family = 'reuse'), 0)::BIGINT,
    coalesce(sum(copied_bytes), 0)::BIGINT AS total_bytes,
    sum(unsized_count)::BIGINT,
    sum(duration_ns)::BIGINT AS total_ns,
    coalesce(sum(fault_count) FILTER (WHERE duration_ns IS NOT NULL), 0)::BIGINT
FROM fault__summed
WHERE family IN ('copy', 'reuse')
GROUP BY comm
ORDER BY total_bytes DESC, total_ns DESC NULLS LAST, comm;
