-- Which kinds of calls caused overlay copy-ups, and what would avoid them?
-- Grain: one row per trigger and class.
CREATE OR REPLACE VIEW copyup_by_trigger(
    -- What was done: open_write, truncate, chmod, chown, utimes, rename, link, xattr, create, unlink, unknown.
    trigger,
    -- metadata only, attributes, name, truncate, opened, not written, written in part, rewritten, folder, unknown.
    class,
    -- Copy-ups; count.
    copyup_count,
    -- Bytes of file data copied; bytes. NULL when the recording tells it for none.
    copied_bytes,
    -- Bytes copied that nobody changed; bytes. NULL when not known.
    wasted_bytes,
    -- Time blocked; ns. NULL when none was timed.
    duration_ns,
    -- Least confidence of them, 0..1.
    confidence,
    -- What would avoid them.
    hint
) AS
SELECT
    trigger,
    class,
    count(*) AS copyups,
    sum(copied_bytes)::BIGINT,
    sum(wasted_bytes)::BIGINT,
    sum(duration_ns)::BIGINT AS total_ns,
    min(confidence),
    any_value(hint)
FROM copyup__hinted
GROUP BY trigger, class
ORDER BY total_ns DESC NULLS LAST, copyups DESC, trigger, class;
