-- Which processes fork, how long do their forks take, and what do the forks cause afterwards?
-- Grain: one row per process id (tgid) that forked.
CREATE OR REPLACE VIEW fork_summary(
    -- Process that forked.
    tgid,
    -- Its name, as in process/name.
    comm,
    -- Forks; count.
    fork_count,
    -- Children whose copy ended by exec: candidates for vfork or posix_spawn; count.
    execed_count,
    -- Children whose copy outlived the recording; count.
    living_count,
    -- Forks of which the system call was timed; count.
    timed_count,
    -- Time in those system calls; ns. NULL when none was timed.
    fork_ns,
    -- The longest of them; ns. NULL when none was timed.
    max_fork_ns,
    -- Faults caused in parent and children; count.
    fault_count,
    -- Bytes copied by them; bytes. Unknown sizes count as 0.
    copied_bytes,
    -- Time of these faults; ns. NULL when none was timed.
    duration_ns
) AS
SELECT
    fork.parent_tgid,
    any_value(process_name.comm),
    count(*) AS forks,
    count(*) FILTER (WHERE fork.execed),
    count(*) FILTER (WHERE fork.end_ns IS NULL),
    count(fork.duration_ns),
    sum(fork.duration_ns)::BIGINT,
    max(fork.duration_ns),
    coalesce(sum(fault_by_fork.fault_count), 0)::BIGINT,
    coalesce(sum(fault_by_fork.copied_bytes), 0)::BIGINT,
    sum(fault_by_fork.duration_ns)::BIGINT AS total_ns
FROM fork
LEFT JOIN fault_by_fork USING (fork_id)
LEFT JOIN process_name ON process_name.tgid = fork.parent_tgid
GROUP BY fork.parent_tgid
ORDER BY total_ns DESC NULLS LAST, forks DESC, fork.parent_tgid;
