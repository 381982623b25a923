-- What did huge pages do for each process, and to it?
-- Grain: one row per process id (tgid) with at least one fault on a huge page or an mTHP.
CREATE OR REPLACE VIEW thp_by_process(
    -- Process id.
    tgid,
    -- Its name, as in process/name.
    comm,
    -- Huge pages zero-filled, after the huge zero page too; count.
    thp_zero_count,
    -- Bytes of them; bytes. Unknown sizes count as 0.
    thp_zeroed_bytes,
    -- Time of these; ns. NULL when none was timed.
    thp_zero_ns,
    -- mTHP folios (order 1..8) zero-filled; count.
    mthp_zero_count,
    -- Bytes of them; bytes. Unknown sizes count as 0.
    mthp_zeroed_bytes,
    -- Reads that mapped the shared huge zero page; count.
    thp_zero_page_count,
    -- Shared huge mappings split at a write; count.
    thp_split_count,
    -- Time of the splits with the copy of one base page; ns. NULL when none was timed.
    thp_split_ns,
    -- Huge pages made writable in place; count.
    thp_reuse_count,
    -- Base pages zero-filled on first touch, for comparison; count.
    anon_zero_count
) AS
WITH costs AS (
    SELECT
        tgid,
        coalesce(sum(fault_count) FILTER (WHERE kind IN ('thp_zero', 'thp_zero_page_cow')), 0)::BIGINT AS thp_zero_count,
        coalesce(sum(zeroed_bytes) FILTER (WHERE kind IN ('thp_zero', 'thp_zero_page_cow')), 0)::BIGINT AS thp_zeroed_bytes,
        (sum(duration_ns) FILTER (WHERE kind IN ('thp_zero', 'thp_zero_page_cow')))::BIGINT AS thp_zero_ns,
        coalesce(sum(fault_count) FILTER (WHERE kind = 'mthp_zero'), 0)::BIGINT AS mthp_zero_count,
        coalesce(sum(zeroed_bytes) FILTER (WHERE kind = 'mthp_zero'), 0)::BIGINT AS mthp_zeroed_bytes,
        coalesce(sum(fault_count) FILTER (WHERE kind = 'thp_zero_page'), 0)::BIGINT AS thp_zero_page_count,
        coalesce(sum(fault_count) FILTER (WHERE kind = 'thp_split'), 0)::BIGINT AS thp_split_count,
        (sum(duration_ns) FILTER (WHERE kind = 'thp_split'))::BIGINT AS thp_split_ns,
        coalesce(sum(fault_count) FILTER (WHERE kind = 'thp_reuse'), 0)::BIGINT AS thp_reuse_count,
        coalesce(sum(fault_count) FILTER (WHERE kind = 'anon_zero'), 0)::BIGINT AS anon_zero_count
    FROM fault__weighed
    WHERE kind IN ('thp_zero', 'thp_zero_page_cow', 'mthp_zero', 'thp_zero_page', 'thp_split', 'thp_reuse', 'anon_zero')
    GROUP BY tgid
)
SELECT tgid, process_name.comm, costs.* EXCLUDE (tgid)
FROM costs
LEFT JOIN process_name USING (tgid)
WHERE thp_zero_count + mthp_zero_count + thp_zero_page_count + thp_split_count + thp_reuse_count > 0
ORDER BY thp_zero_count DESC, thp_split_count DESC, tgid;
