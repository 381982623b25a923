-- Which mappings paid for copy-on-write, and how much?
-- Grain: one row per mapping (vma_id) with at least one copy or reuse, and one with vma_id NULL for addresses without a known mapping.
CREATE OR REPLACE VIEW cow_by_mapping(
    -- Row of vma; NULL: no mapping known there.
    vma_id,
    -- Process that made the mapping; forked children write to it too.
    tgid,
    -- Name of that life of the process.
    comm,
    -- Kind of the mapping, as in vma.
    vma_kind,
    -- File or pseudo file; NULL for anonymous memory.
    path,
    -- First byte.
    start_addr,
    -- Its length; bytes.
    size_bytes,
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
    fault__weighed.vma_id,
    any_value(process.tgid),
    any_value(process.comm),
    any_value(vma.vma_kind),
    any_value(vma.path),
    any_value(vma.start_addr),
    any_value(TRY_CAST(vma.end_addr::HUGEINT - vma.start_addr::HUGEINT AS BIGINT)),
    coalesce(sum(fault_count) FILTER (WHERE family = 'copy'), 0)::BIGINT,
    coalesce(sum(fault_count) FILTER (WHERE family = 'reuse'), 0)::BIGINT,
    coalesce(sum(copied_bytes), 0)::BIGINT AS total_bytes,
    sum(unsized_count)::BIGINT,
    sum(duration_ns)::BIGINT AS total_ns,
    coalesce(sum(fault_count) FILTER (WHERE duration_ns IS NOT NULL), 0)::BIGINT
FROM fault__weighed
LEFT JOIN vma USING (vma_id)
LEFT JOIN process ON process.mm_id = vma.mm_id
WHERE family IN ('copy', 'reuse')
GROUP BY fault__weighed.vma_id
ORDER BY total_bytes DESC, total_ns DESC NULLS LAST, fault__weighed.vma_id NULLS LAST;
