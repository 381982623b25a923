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
WITH costs AS (
    SELECT
        vma_id,
        coalesce(sum(fault_count) FILTER (WHERE family = 'copy'), 0)::BIGINT AS copy_count,
        coalesce(sum(fault_count) FILTER (WHERE family = 'reuse'), 0)::BIGINT AS reuse_count,
        coalesce(sum(copied_bytes), 0)::BIGINT AS copied_bytes,
        sum(unsized_count)::BIGINT AS unsized_count,
        sum(duration_ns)::BIGINT AS duration_ns,
        coalesce(sum(fault_count) FILTER (WHERE duration_ns IS NOT NULL), 0)::BIGINT AS timed_count
    FROM fault__summed
    WHERE family IN ('copy', 'reuse')
    GROUP BY vma_id
)
SELECT
    vma_id,
    process.tgid,
    process.comm,
    vma.vma_kind,
    vma.path,
    vma.start_addr,
    TRY_CAST(vma.end_addr::HUGEINT - vma.start_addr::HUGEINT AS BIGINT),
    costs.* EXCLUDE (vma_id)
FROM costs
LEFT JOIN vma USING (vma_id)
LEFT JOIN process ON process.mm_id = vma.mm_id
ORDER BY costs.copied_bytes DESC, costs.duration_ns DESC NULLS LAST, vma_id NULLS LAST;
