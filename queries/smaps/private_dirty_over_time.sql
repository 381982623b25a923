-- How did private and shared memory move from snapshot to snapshot?
-- Grain: one row per snapshot and process; a process seen in one snapshot only has no change.
-- After a fork Private_Dirty falls and Shared_Dirty rises in both processes; each copied page moves back in both, also in the one that
-- copied nothing.
CREATE OR REPLACE VIEW smaps_private_dirty_over_time(
    -- Process id; NULL when the file does not say.
    tgid,
    -- Number of the snapshot.
    snapshot_id,
    -- When it was taken; ns.
    ts_ns,
    -- Time since the process's previous snapshot; ns. NULL for the first.
    since_previous_ns,
    -- Dirty pages with one mapper; bytes.
    private_dirty_bytes,
    -- Change since the previous snapshot; bytes. NULL for the first.
    private_dirty_change_bytes,
    -- Dirty pages with more than one mapper; bytes.
    shared_dirty_bytes,
    -- Change since the previous snapshot; bytes. NULL for the first.
    shared_dirty_change_bytes
) AS
SELECT
    tgid,
    snapshot_id,
    ts_ns,
    ts_ns - lag(ts_ns) OVER history,
    private_dirty_bytes,
    private_dirty_bytes - lag(private_dirty_bytes) OVER history,
    shared_dirty_bytes,
    shared_dirty_bytes - lag(shared_dirty_bytes) OVER history
FROM smaps_totals
WINDOW history AS (PARTITION BY tgid ORDER BY ts_ns NULLS FIRST, snapshot_id)
ORDER BY tgid NULLS LAST, ts_ns NULLS FIRST, snapshot_id;
