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
SELECT
    fault__weighed.vma_id,
    any_value(process.tgid),
    any_value(process.comm),
    any_value(vma.vma_kind),
    any_value(vma.path),
    any_value(vma.perms),
    any_value(vma.start_addr),
    any_value(TRY_CAST(vma.end_addr::HUGEINT - vma.start_addr::HUGEINT AS BIGINT)),
    sum(fault_count)::BIGINT AS total_count,
    coalesce(sum(fault_count) FILTER (WHERE family = 'copy'), 0)::BIGINT,
    coalesce(sum(fault_count) FILTER (WHERE family = 'reuse'), 0)::BIGINT,
    coalesce(sum(fault_count) FILTER (WHERE family = 'first_touch'), 0)::BIGINT,
    coalesce(sum(fault_count) FILTER (WHERE family = 'file'), 0)::BIGINT,
    coalesce(sum(fault_count) FILTER (WHERE family = 'other'), 0)::BIGINT,
    coalesce(sum(fault_count) FILTER (WHERE family = 'failed'), 0)::BIGINT,
    coalesce(sum(fault_count) FILTER (WHERE family = 'unknown'), 0)::BIGINT,
    coalesce(sum(copied_bytes), 0)::BIGINT,
    coalesce(sum(zeroed_bytes), 0)::BIGINT,
    sum(unsized_count)::BIGINT,
    sum(duration_ns)::BIGINT AS total_ns,
    coalesce(sum(fault_count) FILTER (WHERE duration_ns IS NOT NULL), 0)::BIGINT
FROM fault__weighed
LEFT JOIN vma USING (vma_id)
LEFT JOIN process ON process.mm_id = vma.mm_id
GROUP BY fault__weighed.vma_id
ORDER BY total_ns DESC NULLS LAST, total_count DESC, fault__weighed.vma_id NULLS LAST;
