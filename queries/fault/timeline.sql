-- When did the faults happen?
-- Grain: one row per stretch of time with at least one fault; stretches without are absent.
-- Example, ten stretches a second: FROM fault_timeline(bucket_ns := 100000000)
CREATE OR REPLACE MACRO fault_timeline(
    -- Length of a stretch; ns. One second unless given.
    bucket_ns := 1000000000
) AS TABLE
WITH buckets(
    -- Start of the stretch, a multiple of bucket_ns on the recording's clock; ns.
    start_ns,
    -- Faults; count.
    fault_count,
    -- Faults that copied an old page; count.
    copy_count,
    -- Faults that made a page writable in place; count.
    reuse_count,
    -- Faults that zero-filled a page or mapped the shared zero page; count.
    first_touch_count,
    -- Bytes copied; bytes. Unknown sizes count as 0.
    copied_bytes,
    -- Bytes zero-filled; bytes. Unknown sizes count as 0.
    zeroed_bytes,
    -- Time inside the faults that began in the stretch; ns. NULL when none was timed.
    duration_ns
) AS (
    SELECT
        (ts_ns // bucket_ns) * bucket_ns,
        sum(fault_count)::BIGINT,
        coalesce(sum(fault_count) FILTER (WHERE family = 'copy'), 0)::BIGINT,
        coalesce(sum(fault_count) FILTER (WHERE family = 'reuse'), 0)::BIGINT,
        coalesce(sum(fault_count) FILTER (WHERE family = 'first_touch'), 0)::BIGINT,
        coalesce(sum(copied_bytes), 0)::BIGINT,
        coalesce(sum(zeroed_bytes), 0)::BIGINT,
        sum(duration_ns)::BIGINT
    FROM fault__weighed
    GROUP BY ts_ns // bucket_ns
)
SELECT * FROM buckets ORDER BY start_ns;
