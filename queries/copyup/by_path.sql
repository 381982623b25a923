-- Which files were copied up, and what did that cost?
-- Grain: one row per path, and one with path NULL for copy-ups whose file the recording does not name.
CREATE OR REPLACE VIEW copyup_by_path(
    -- File; NULL: not named.
    path,
    -- Copy-ups; count.
    copyup_count,
    -- What caused them, joined by '|'.
    triggers,
    -- Bytes of file data copied; bytes. NULL when the recording tells it for none.
    copied_bytes,
    -- Time blocked; ns. NULL when none was timed.
    duration_ns
) AS
SELECT
    path,
    count(*) AS copyups,
    string_agg(DISTINCT trigger, '|' ORDER BY trigger),
    sum(copied_bytes)::BIGINT,
    sum(duration_ns)::BIGINT AS total_ns
FROM copyup
GROUP BY path
ORDER BY total_ns DESC NULLS LAST, copyups DESC, path NULLS LAST;
