-- What does each mapping in each snapshot say, in the fields that this library uses?
-- Grain: one row per row of smaps.
-- The columns of smaps depend on the kernel that printed the file. A field that it did not print is NULL here.
CREATE OR REPLACE VIEW smaps__field(
    -- When the snapshot was taken; ns.
    ts_ns,
    -- Process id.
    tgid,
    -- smaps, or rollup: the kernel's own total over all mappings.
    form,
    -- Number of the snapshot.
    snapshot_id,
    -- First byte.
    start_addr,
    -- As printed: rwxp.
    perms,
    -- Path or pseudo path; NULL when empty.
    path,
    -- Virtual size; KiB. Not in a rollup.
    size_kb,
    -- Resident memory; KiB.
    rss_kb,
    -- Resident memory, shared pages divided by their mappers; KiB.
    pss_kb,
    -- Clean pages with more than one mapper; KiB.
    shared_clean_kb,
    -- Dirty pages with more than one mapper; KiB.
    shared_dirty_kb,
    -- Clean pages with one mapper; KiB.
    private_clean_kb,
    -- Dirty pages with one mapper; KiB.
    private_dirty_kb,
    -- Resident pages that belong to no file; KiB.
    anonymous_kb,
    -- Resident pages merged by KSM; KiB.
    ksm_kb,
    -- Anonymous memory mapped by huge entries; KiB.
    anon_huge_pages_kb,
    -- Memory in swap; KiB.
    swap_kb
) AS
WITH complete_rows AS (
    FROM smaps
    UNION ALL BY NAME
    SELECT
        NULL::BIGINT AS size_kb,
        NULL::BIGINT AS rss_kb,
        NULL::BIGINT AS pss_kb,
        NULL::BIGINT AS shared_clean_kb,
        NULL::BIGINT AS shared_dirty_kb,
        NULL::BIGINT AS private_clean_kb,
        NULL::BIGINT AS private_dirty_kb,
        NULL::BIGINT AS anonymous_kb,
        NULL::BIGINT AS ksm_kb,
        NULL::BIGINT AS anon_huge_pages_kb,
        NULL::BIGINT AS swap_kb
    WHERE false
)
SELECT
    ts_ns, tgid, form, snapshot_id, start_addr, perms, path,
    size_kb,
    rss_kb,
    pss_kb,
    shared_clean_kb,
    shared_dirty_kb,
    private_clean_kb,
    private_dirty_kb,
    anonymous_kb,
    ksm_kb,
    anon_huge_pages_kb,
    swap_kb
FROM complete_rows;
