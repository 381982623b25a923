-- When were files copied up, because of which calls, and how much data was copied?
-- Grain: one row per stretch of time, trigger and metadata_only with at least one copy-up; all stretches are equally long.
-- Example, a coarser picture: FROM copyup_timeline(stretch_count := 20)
CREATE OR REPLACE MACRO copyup_timeline(
    -- Stretches between the first and the last copy-up; count. 120 unless given.
    stretch_count := 120
) AS TABLE
WITH stretches(
    -- Start of the stretch on the recording's clock; ns.
    start_ns,
    -- Its length; ns.
    length_ns,
    -- What was done: open_write, truncate, chmod, chown, utimes, rename, link, xattr, create, unlink, unknown.
    trigger,
    -- Only metadata was copied; NULL when not known.
    metadata_only,
    -- Copy-ups; count.
    copyup_count,
    -- Bytes of file data copied; bytes. NULL when the recording tells it for none.
    copied_bytes,
    -- Time blocked; ns. NULL when none was timed.
    duration_ns,
    -- When the first of them began, on the recording's clock; ns.
    first_ns,
    -- Its file, or the first of theirs that is named; NULL when none is.
    path
) AS (
    WITH span AS (
        SELECT min(ts_ns) AS first_ns, (max(ts_ns) - min(ts_ns)) // stretch_count + 1 AS length_ns FROM copyup
    )
    SELECT
        span.first_ns + (copyup.ts_ns - span.first_ns) // span.length_ns * span.length_ns,
        any_value(span.length_ns),
        trigger,
        metadata_only,
        count(*),
        sum(copied_bytes)::BIGINT,
        sum(duration_ns)::BIGINT,
        min(ts_ns),
        arg_min(path, (ts_ns, path)) FILTER (WHERE path IS NOT NULL)
    FROM copyup, span
    GROUP BY span.first_ns + (copyup.ts_ns - span.first_ns) // span.length_ns * span.length_ns, trigger, metadata_only
)
SELECT * FROM stretches ORDER BY start_ns, trigger, metadata_only;
