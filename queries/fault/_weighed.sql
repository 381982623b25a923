-- What did each recorded fault cost, counted as often as it stands for?
-- Grain: one row per row of fault.
-- The sample period (weight) multiplies counts, bytes and times; NULL stays NULL. A kind that this library does not know is 'other'.
CREATE OR REPLACE VIEW fault__weighed(
    -- Fault entry; ns.
    ts_ns,
    -- Process id.
    tgid,
    -- Thread id.
    tid,
    -- Name of the thread at that moment.
    comm,
    -- Address space: row of process.
    mm_id,
    -- Kind of fault.
    kind,
    -- Family of the kind, as in fault/kind.
    family,
    -- Order of the kind in reports.
    position,
    -- For kind unknown: the kinds that are left, joined by '|'.
    possible_kinds,
    -- What the verdict rests on.
    evidence,
    -- 0..1.
    confidence,
    -- The kernel's own accounting; NULL without exit events.
    is_major,
    -- A write; NULL when not told.
    is_write,
    -- Faulting address; NULL when not recorded.
    addr,
    -- Fork that made the page shared; NULL when none did.
    fork_id,
    -- parent or child: who paid for that fork's sharing.
    fork_side,
    -- Mapping: row of vma.
    vma_id,
    -- Cgroup id.
    cgroup_id,
    -- Instruction that faulted; NULL when not recorded.
    ip,
    -- Call chain: row of stack; NULL when not recorded.
    stack_id,
    -- Entry to exit of this one fault; ns.
    single_ns,
    -- Faults that the row stands for; count.
    fault_count,
    -- Bytes copied by them; bytes.
    copied_bytes,
    -- Bytes zero-filled by them; bytes.
    zeroed_bytes,
    -- Time spent in them; ns.
    duration_ns,
    -- How many of them copied a page of unrecorded size; count.
    unsized_count
) AS
WITH families AS (
    SELECT
        fault.*,
        CASE
            WHEN fault.kind = 'thp_split' AND fault.copied_bytes = 0 THEN 'reuse'
            ELSE coalesce(fault_kind.family, 'other')
        END AS family,
        coalesce(fault_kind.position, 1000) AS position
    FROM fault
    LEFT JOIN fault_kind USING (kind)
)
SELECT
    ts_ns, tgid, tid, comm, mm_id, kind, family, position, possible_kinds, evidence, confidence, is_major, is_write, addr,
    fork_id, fork_side, vma_id, cgroup_id, ip, stack_id, duration_ns,
    weight,
    copied_bytes * weight,
    zeroed_bytes * weight,
    duration_ns * weight,
    CASE WHEN family = 'copy' AND copied_bytes IS NULL THEN weight ELSE 0 END
FROM families;
