-- Which copied files did nobody change, or hardly?
-- Grain: one row per copy-up of data whose later use is known, most wasted bytes first.
CREATE OR REPLACE VIEW copyup_waste(
    -- File.
    path,
    -- Process id.
    tgid,
    -- Its thread's name.
    comm,
    -- What it did.
    trigger,
    -- Data copied; bytes.
    copied_bytes,
    -- Bytes of the copy that were changed; bytes.
    written_bytes,
    -- Bytes copied that nobody changed; bytes.
    wasted_bytes,
    -- Share of the copied bytes that nobody changed.
    wasted_ratio,
    -- Time blocked; ns. NULL when not known.
    duration_ns,
    -- What would avoid it.
    hint
) AS
SELECT
    path,
    tgid,
    comm,
    trigger,
    copied_bytes,
    written_bytes,
    wasted_bytes,
    wasted_bytes / copied_bytes,
    duration_ns,
    hint
FROM copyup__hinted
WHERE copied_bytes > 0 AND wasted_bytes > 0
ORDER BY wasted_bytes DESC, path;
