-- Which files had a private mapping when they were copied up?
-- Grain: one row per copy-up and mapping.
-- Such a mapping goes on showing the lower file: it never sees what is written to the copy.
CREATE OR REPLACE VIEW copyup_private_mappings(
    -- File.
    path,
    -- Process that copied it up.
    copying_tgid,
    -- What it did.
    trigger,
    -- When; ns.
    ts_ns,
    -- Data copied; bytes. NULL when not known.
    copied_bytes,
    -- Row of vma.
    vma_id,
    -- Process that has it mapped.
    mapping_tgid,
    -- Its name.
    mapping_comm,
    -- Length of the mapping; bytes.
    mapped_bytes,
    -- Page faults that copied a page of the mapping; count.
    page_copy_count,
    -- Bytes these copied; bytes.
    copied_page_bytes
) AS
WITH copies AS (
    SELECT vma_id, sum(fault_count)::BIGINT AS copies, coalesce(sum(copied_bytes), 0)::BIGINT AS copied_bytes
    FROM fault__weighed
    WHERE family = 'copy'
    GROUP BY vma_id
)
SELECT
    copyup.path,
    copyup.tgid,
    copyup.trigger,
    copyup.ts_ns,
    copyup.copied_bytes,
    vma.vma_id,
    process.tgid,
    process.comm,
    TRY_CAST(vma.end_addr::HUGEINT - vma.start_addr::HUGEINT AS BIGINT),
    coalesce(copies.copies, 0),
    coalesce(copies.copied_bytes, 0)
FROM copyup
JOIN vma ON vma.path = copyup.path AND vma.vma_kind = 'file_private' AND vma.start_ns <= copyup.ts_ns AND coalesce(vma.end_ns, copyup.ts_ns) >= copyup.ts_ns
LEFT JOIN process ON process.mm_id = vma.mm_id
LEFT JOIN copies ON copies.vma_id = vma.vma_id
ORDER BY copyup.ts_ns, vma.vma_id;
