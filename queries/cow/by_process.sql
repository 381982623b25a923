-- Which processes paid for copy-on-write, and how much?
-- Grain: one row per process id (tgid) with at least one copy or reuse.
CREATE OR REPLACE VIEW cow_by_process(
    -- Process id.
    tgid,
    -- Its name, as in process/name.
    comm,
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
WITH costs AS (
    SELECT
        tgid,
        coalesce(sum(fault_count) FILTER (WHERE family = 'copy'), 0)::BIGINT AS copy_count,
        coalesce(sum(fault_count) FILTER (WHERE family = 'reuse'), 0)::BIGINT AS reuse_count,
        coalesce(sum(copied_bytes), 0)::BIGINT AS copied_bytes,
        sum(unsized_count)::BIGINT AS unsized_count,
        sum(duration_ns)::BIGINT AS duration_ns,
        coalesce(sum(fault_count) FILTER (WHERE duration_ns IS NOT NULL), 0)::BIGINT AS timed_count
    FROM fault__summed
    WHERE family IN ('copy', 'reuse')
    GROUP BY tgid
)
SELECT
    tgid,
    process_name.comm,
    costs.* EXCLUDE (tgid)
FROM costs
LEFT JOIN process_name USING (tgid)
ORDER BY costs.copied_bytes DESC, costs.duration_ns DESC NULLS LAST, tgid;
