-- What did each fork cost: the call itself, and the faults of parent and child that its sharing caused?
-- Grain: one row per fork, the dearest first. Forks without any fault are rows too; a fork_id that only faults name has NULL facts.
-- Parent and child add up to fault_count unless the recording does not tell the side of some fault.
CREATE OR REPLACE VIEW cow_fork_bill(
    -- Row of fork.
    fork_id,
    -- When the kernel reported the child; ns.
    ts_ns,
    -- Process that forked.
    parent_tgid,
    -- Its name at the end of that life.
    parent_comm,
    -- Process that was made.
    child_tgid,
    -- Its name at the end of its first life.
    child_comm,
    -- clone() from entry to exit in the parent; ns. NULL when the system call was not recorded.
    fork_ns,
    -- From the fork until the child's copy ended by exec or exit; ns. NULL when it outlived the recording.
    lifetime_ns,
    -- The child's copy ended by exec.
    execed,
    -- Faults that the fork caused; count.
    fault_count,
    -- Those in the parent; count.
    parent_fault_count,
    -- Those that copied, in the parent; count.
    parent_copy_count,
    -- Those that made a page writable in place, in the parent; count.
    parent_reuse_count,
    -- Bytes that the parent copied; bytes. Unknown sizes count as 0.
    parent_copied_bytes,
    -- Time of the parent's faults, recorder cost included; ns. NULL when none was timed.
    parent_ns,
    -- Those in the child; count.
    child_fault_count,
    -- Those that copied, in the child; count.
    child_copy_count,
    -- Those that made a page writable in place, in the child; count.
    child_reuse_count,
    -- Bytes that the child copied; bytes. Unknown sizes count as 0.
    child_copied_bytes,
    -- Time of the child's faults, recorder cost included; ns. NULL when none was timed.
    child_ns,
    -- Those that copied, on either side; count.
    copy_count,
    -- Those that made a page writable in place, on either side; count.
    reuse_count,
    -- Bytes copied on either side; bytes. Unknown sizes count as 0.
    copied_bytes,
    -- Copies whose size was not recorded; count.
    unsized_count,
    -- Time of all these faults; ns. NULL when none was timed.
    duration_ns
) AS
WITH charges AS (
    SELECT
        fork_id,
        sum(fault_count) AS fault_count,
        sum(fault_count) FILTER (WHERE fork_side = 'parent') AS parent_fault_count,
        sum(fault_count) FILTER (WHERE fork_side = 'parent' AND family = 'copy') AS parent_copy_count,
        sum(fault_count) FILTER (WHERE fork_side = 'parent' AND family = 'reuse') AS parent_reuse_count,
        sum(copied_bytes) FILTER (WHERE fork_side = 'parent') AS parent_copied_bytes,
        sum(duration_ns) FILTER (WHERE fork_side = 'parent') AS parent_ns,
        sum(fault_count) FILTER (WHERE fork_side = 'child') AS child_fault_count,
        sum(fault_count) FILTER (WHERE fork_side = 'child' AND family = 'copy') AS child_copy_count,
        sum(fault_count) FILTER (WHERE fork_side = 'child' AND family = 'reuse') AS child_reuse_count,
        sum(copied_bytes) FILTER (WHERE fork_side = 'child') AS child_copied_bytes,
        sum(duration_ns) FILTER (WHERE fork_side = 'child') AS child_ns,
        sum(fault_count) FILTER (WHERE family = 'copy') AS copy_count,
        sum(fault_count) FILTER (WHERE family = 'reuse') AS reuse_count,
        sum(copied_bytes) AS copied_bytes,
        sum(unsized_count) AS unsized_count,
        sum(duration_ns) AS duration_ns
    FROM fault__summed
    WHERE fork_id IS NOT NULL
    GROUP BY fork_id
)
SELECT
    coalesce(fork.fork_id, charges.fork_id) AS any_fork_id,
    fork.ts_ns,
    fork.parent_tgid,
    coalesce(parents.comm, parent_names.comm),
    fork.child_tgid,
    coalesce(children.comm, child_names.comm),
    fork.duration_ns,
    fork.end_ns - fork.ts_ns,
    fork.execed,
    coalesce(charges.fault_count, 0)::BIGINT AS total_count,
    coalesce(parent_fault_count, 0)::BIGINT,
    coalesce(parent_copy_count, 0)::BIGINT,
    coalesce(parent_reuse_count, 0)::BIGINT,
    coalesce(parent_copied_bytes, 0)::BIGINT,
    parent_ns::BIGINT,
    coalesce(child_fault_count, 0)::BIGINT,
    coalesce(child_copy_count, 0)::BIGINT,
    coalesce(child_reuse_count, 0)::BIGINT,
    coalesce(child_copied_bytes, 0)::BIGINT,
    child_ns::BIGINT,
    coalesce(copy_count, 0)::BIGINT,
    coalesce(reuse_count, 0)::BIGINT,
    coalesce(charges.copied_bytes, 0)::BIGINT AS total_bytes,
    coalesce(charges.unsized_count, 0)::BIGINT,
    charges.duration_ns::BIGINT AS total_ns
FROM fork
FULL JOIN charges ON charges.fork_id = fork.fork_id
LEFT JOIN process AS parents ON parents.mm_id = fork.parent_mm_id
LEFT JOIN process AS children ON children.mm_id = fork.child_mm_id
LEFT JOIN process_name AS parent_names ON parent_names.tgid = fork.parent_tgid
LEFT JOIN process_name AS child_names ON child_names.tgid = fork.child_tgid
ORDER BY coalesce(total_ns, 0) + coalesce(fork.duration_ns, 0) DESC, total_bytes DESC, total_count DESC, any_fork_id;
