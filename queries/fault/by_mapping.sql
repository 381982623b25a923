-- Which mappings took page faults, and what did those cost?
-- Grain: one row per mapping (vma_id) with faults, and one with vma_id NULL for faults at addresses without a known mapping.
-- The rows add up to all faults.
CREATE OR REPLACE VIEW fault_by_mapping(
    -- Row of vma; NULL: no mapping known there.
    vma_id,
    -- Process that made the mapping; forked children fault in it too.
    tgid,
    -- Name of that life of the process.
    comm,
    -- Kind of the mapping, as in vma.
    vma_kind,
    -- File or pseudo file; NULL for anonymous memory.
    path,
    -- As in /proc/PID/maps.
    perms,
    -- First byte.
    start_addr,
    -- Its length; bytes.
    size_bytes,
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
        vma_id,
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
    GROUP BY vma_id
)
SELECT
    vma_id,
    process.tgid,
    process.comm,
    vma.vma_kind,
    vma.path,
    vma.perms,
    vma.start_addr,
    TRY_CAST(vma.end_addr::HUGEINT - vma.start_addr::HUGEINT AS BIGINT),
    costs.* EXCLUDE (vma_id)
FROM costs
LEFT JOIN vma USING (vma_id)
LEFT JOIN process ON process.mm_id = vma.mm_id
ORDER BY costs.duration_ns DESC NULLS LAST, costs.fault_count DESC, vma_id NULLS LAST;
