-- How many bytes could writes still copy?
-- Grain: one row per snapshot and process of which the mappings were read (a rollup does not tell).
-- Upper bound: in each private writable mapping the anonymous pages that have another mapper, min(Anonymous, Shared_Clean + Shared_Dirty).
-- Writes to file pages that were never written come on top. Pages are shared by all sharers: N sharers copy a page N - 1 times at most.
CREATE OR REPLACE VIEW smaps_cow_debt(
    -- Number of the snapshot.
    snapshot_id,
    -- When it was taken; ns.
    ts_ns,
    -- Process id; NULL when the file does not say.
    tgid,
    -- Private writable mappings; count.
    mapping_count,
    -- Upper bound of bytes that its writes can still copy; bytes. NULL when the fields were not printed.
    debt_bytes,
    -- Anonymous memory that it already has alone: written since the fork, or never shared; bytes.
    own_bytes,
    -- Mapping with the largest debt: its path; NULL for anonymous memory.
    largest_path,
    -- Debt of that mapping; bytes.
    largest_bytes
) AS
WITH debts AS (
    SELECT
        snapshot_id,
        ts_ns,
        tgid,
        path,
        least(anonymous_kb, shared_clean_kb + shared_dirty_kb) AS debt_kb,
        greatest(anonymous_kb - (shared_clean_kb + shared_dirty_kb), 0) AS own_kb
    FROM smaps__field
    WHERE form <> 'rollup' AND perms[2] = 'w' AND perms[4] = 'p'
)
SELECT
    snapshot_id,
    min(ts_ns),
    tgid,
    count(*),
    sum(debt_kb)::BIGINT * 1024 AS total_bytes,
    sum(own_kb)::BIGINT * 1024,
    arg_max_null(path, debt_kb),
    max(debt_kb) * 1024
FROM debts
GROUP BY snapshot_id, tgid
ORDER BY snapshot_id, total_bytes DESC NULLS LAST, tgid NULLS LAST;
