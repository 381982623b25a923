-- What did the recorded faults cost, by everything that the groupings of the library group by?
-- Grain: at most one row per row of fault; a report sums rows that are equal in all but their measures, once for all groupings.
-- Only for sums: how many rows there are means nothing.
CREATE OR REPLACE VIEW fault__summed(
    -- Process id.
    tgid,
    -- Name of the thread at that moment.
    comm,
    -- Address space: row of process.
    mm_id,
    -- Kind of fault.
    kind,
    -- Family of the kind, as in fault/kind.
    family,
    -- Fork that made the page shared; NULL when none did.
    fork_id,
    -- parent or child: who paid for that fork's sharing.
    fork_side,
    -- Mapping: row of vma.
    vma_id,
    -- Faults; count.
    fault_count,
    -- Bytes copied by them; bytes.
    copied_bytes,
    -- Bytes zero-filled by them; bytes.
    zeroed_bytes,
    -- Time spent in them; ns. NULL when none was timed; timed and untimed faults are never in one row.
    duration_ns,
    -- How many of them copied a page of unrecorded size; count.
    unsized_count
) AS
SELECT
    tgid, comm, mm_id, kind, family, fork_id, fork_side, vma_id,
    fault_count, copied_bytes, zeroed_bytes, duration_ns, unsized_count
FROM fault__weighed;
