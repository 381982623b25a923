-- Which processes paid for overlay copy-ups, and how much?
-- Grain: one row per process id (tgid) and trigger.
CREATE OR REPLACE VIEW copyup_by_process(
    -- Process id.
    tgid,
    -- Its name, as in process/name; without one the thread's name.
    comm,
    -- What it did to the file: open_write, truncate, chmod, chown, utimes, rename, link, xattr.
    trigger,
    -- Copy-ups; count.
    copyup_count,
    -- Those that copied metadata only; count. NULL when the recording tells it for none.
    metadata_only_count,
    -- Bytes of file data copied; bytes. NULL when the recording tells it for none.
    copied_bytes,
    -- Time blocked; ns. NULL when none was timed.
    duration_ns
) AS
SELECT
    copyup.tgid,
    coalesce(any_value(process_name.comm), any_value(copyup.comm)),
    copyup.trigger,
    count(*) AS copyups,
    sum(copyup.metadata_only::INTEGER)::BIGINT,
    sum(copyup.copied_bytes)::BIGINT,
    sum(copyup.duration_ns)::BIGINT AS total_ns
FROM copyup
LEFT JOIN process_name USING (tgid)
GROUP BY copyup.tgid, copyup.trigger
ORDER BY total_ns DESC NULLS LAST, copyups DESC, copyup.tgid, copyup.trigger;
