-- How much memory did each process have in each snapshot?
-- Grain: one row per snapshot and process.
-- The kernel's own total (rollup) is taken where the snapshot has one: the sum over mappings loses up to 1 KiB of Pss a mapping.
-- A sum is NULL when no mapping has the field.
CREATE OR REPLACE VIEW smaps_totals(
    -- Number of the snapshot.
    snapshot_id,
    -- When it was taken; ns.
    ts_ns,
    -- Process id; NULL when the file does not say.
    tgid,
    -- rollup: the kernel's total. smaps: summed over the mappings here.
    form,
    -- Mappings summed; count. NULL for a rollup.
    mapping_count,
    -- Resident memory; bytes.
    rss_bytes,
    -- Resident memory, shared pages divided by their mappers; bytes.
    pss_bytes,
    -- Dirty pages with one mapper: own memory, most of it never copied; bytes.
    private_dirty_bytes,
    -- Dirty pages with more than one mapper: shared by fork, or shared memory; bytes.
    shared_dirty_bytes,
    -- Clean pages with one mapper; bytes.
    private_clean_bytes,
    -- Clean pages with more than one mapper; bytes.
    shared_clean_bytes,
    -- Resident pages that belong to no file; bytes.
    anonymous_bytes,
    -- Anonymous memory mapped by huge entries; bytes.
    anon_huge_bytes,
    -- Memory in swap; bytes.
    swap_bytes
) AS
WITH forms AS (
    SELECT *, bool_or(form = 'rollup') OVER (PARTITION BY snapshot_id, tgid) AS has_rollup
    FROM smaps__field
)
SELECT
    snapshot_id,
    min(ts_ns),
    tgid,
    any_value(form),
    count(*) FILTER (WHERE form <> 'rollup' AND NOT has_rollup) + CASE WHEN bool_or(has_rollup) THEN NULL ELSE 0 END,
    sum(rss_kb)::BIGINT * 1024,
    sum(pss_kb)::BIGINT * 1024,
    sum(private_dirty_kb)::BIGINT * 1024,
    sum(shared_dirty_kb)::BIGINT * 1024,
    sum(private_clean_kb)::BIGINT * 1024,
    sum(shared_clean_kb)::BIGINT * 1024,
    sum(anonymous_kb)::BIGINT * 1024,
    sum(anon_huge_pages_kb)::BIGINT * 1024,
    sum(swap_kb)::BIGINT * 1024
FROM forms
WHERE (form = 'rollup') = has_rollup
GROUP BY snapshot_id, tgid
ORDER BY snapshot_id, tgid NULLS LAST;
