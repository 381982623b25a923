-- Which processes paid for copied pages and for copied files at the same time?
-- Grain: one row per process id with both.
-- Less than two seconds apart counts. Coincidence, no cause: no page fault copies a file up, and no copy-up copies pages of memory.
CREATE OR REPLACE VIEW copyup_beside_faults(
    -- Process id.
    tgid,
    -- Its name.
    comm,
    -- Its copy-ups that have a page copy of it less than two seconds apart; count.
    copyup_count,
    -- Bytes of file data these copied; bytes. NULL when not known.
    copied_file_bytes,
    -- Time blocked by them; ns. NULL when none was timed.
    copyup_ns,
    -- Its page faults that copied a page, less than two seconds from a copy-up; count.
    page_copy_count,
    -- Bytes of memory these copied; bytes.
    copied_page_bytes,
    -- Time in them; ns. NULL when none was timed.
    page_copy_ns
) AS
WITH seconds AS (
    SELECT tgid, ts_ns // 1000000000 AS second, comm, duration_ns, copied_bytes
    FROM copyup
    WHERE tgid IS NOT NULL
),
copies AS (
    SELECT tgid, ts_ns // 1000000000 AS second, fault_count, copied_bytes, duration_ns
    FROM fault__weighed
    WHERE family = 'copy'
),
near_files AS (
    SELECT tgid, any_value(comm) AS comm, count(*) AS copyups, sum(copied_bytes)::BIGINT AS copied_bytes, sum(duration_ns)::BIGINT AS duration_ns
    FROM seconds
    SEMI JOIN copies ON copies.tgid = seconds.tgid AND copies.second BETWEEN seconds.second - 1 AND seconds.second + 1
    GROUP BY tgid
),
near_pages AS (
    SELECT
        tgid,
        sum(fault_count)::BIGINT AS page_copies,
        coalesce(sum(copied_bytes), 0)::BIGINT AS copied_bytes,
        sum(duration_ns)::BIGINT AS duration_ns
    FROM copies
    SEMI JOIN seconds ON seconds.tgid = copies.tgid AND seconds.second BETWEEN copies.second - 1 AND copies.second + 1
    GROUP BY tgid
)
SELECT
    near_files.tgid,
    coalesce(process_name.comm, near_files.comm),
    near_files.copyups,
    near_files.copied_bytes,
    near_files.duration_ns,
    near_pages.page_copies,
    near_pages.copied_bytes,
    near_pages.duration_ns
FROM near_files
JOIN near_pages USING (tgid)
LEFT JOIN process_name USING (tgid)
ORDER BY near_files.copied_bytes DESC NULLS LAST, near_files.tgid;
