-- What did the kernel do, and when?
-- Grain: one row per stretch of time and kind with at least one fault; all stretches are equally long.
-- Example, a coarser picture: FROM fault_timeline_by_kind(stretch_count := 50)
CREATE OR REPLACE MACRO fault_timeline_by_kind(
    -- Stretches between the first and the last fault; count. 240 unless given.
    stretch_count := 240
) AS TABLE
WITH stretches(
    -- Start of the stretch on the recording's clock; ns.
    start_ns,
    -- Its length; ns.
    length_ns,
    -- Kind of fault.
    kind,
    -- Faults; count.
    fault_count,
    -- Bytes copied; bytes. Unknown sizes count as 0.
    copied_bytes,
    -- Time inside the faults that began in the stretch; ns. NULL when none was timed.
    duration_ns
) AS (
    WITH span AS (
        SELECT min(ts_ns) AS first_ns, (max(ts_ns) - min(ts_ns)) // stretch_count + 1 AS length_ns FROM fault
    )
    SELECT
        span.first_ns + (fault__weighed.ts_ns - span.first_ns) // span.length_ns * span.length_ns,
        any_value(span.length_ns),
        kind,
        sum(fault_count)::BIGINT,
        coalesce(sum(copied_bytes), 0)::BIGINT,
        sum(duration_ns)::BIGINT
    FROM fault__weighed, span
    GROUP BY span.first_ns + (fault__weighed.ts_ns - span.first_ns) // span.length_ns * span.length_ns, kind
)
SELECT * FROM stretches ORDER BY start_ns, kind;
