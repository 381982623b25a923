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
    duration_ns,
    -- Who, joined by '|'.
    comms,
    -- file, dir, link, other; NULL when not known.
    file_type,
    -- Copy-ups of metadata only; count.
    metadata_only_count,
    -- Bytes of the copy that were changed; bytes. NULL when not known.
    written_bytes,
    -- Bytes copied that nobody changed; bytes. NULL when not known.
    wasted_bytes,
    -- Least confidence of them, 0..1.
    confidence,
    -- What would avoid them, joined by '; '.
    hint
) AS
SELECT
    path,
    count(*) AS copyups,
    string_agg(DISTINCT trigger, '|' ORDER BY trigger),
    sum(copied_bytes)::BIGINT,
    sum(duration_ns)::BIGINT AS total_ns,
    string_agg(DISTINCT comm, '|' ORDER BY comm),
    any_value(file_type),
    count(*) FILTER (WHERE metadata_only),
    sum(written_bytes)::BIGINT,
    sum(wasted_bytes)::BIGINT,
    min(confidence),
    string_agg(DISTINCT hint, '; ' ORDER BY hint)
FROM copyup__hinted
GROUP BY path
ORDER BY total_ns DESC NULLS LAST, copyups DESC, path NULLS LAST;
