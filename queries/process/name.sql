-- What is each process id called?
-- Grain: one row per process id (tgid) that lived or faulted.
-- A process id that the kernel gave out twice during the recording is one row; process/tree tells its lives apart.
CREATE OR REPLACE VIEW process_name(
    -- Process id.
    tgid,
    -- Name of its last life; without one the name under which most of its faults were recorded.
    comm,
    -- Lives between fork, exec and exit; count. 0 when the recording shows its faults only.
    life_count,
    -- Start of its first life; ns.
    start_ns,
    -- End of its last life; ns. NULL when it outlived the recording.
    end_ns
) AS
WITH lives AS (
    SELECT
        tgid,
        arg_max(comm, mm_id) AS comm,
        count(*) AS life_count,
        min(start_ns) AS start_ns,
        arg_max_null(end_ns, mm_id) AS end_ns
    FROM process
    GROUP BY tgid
),
fault_names AS (
    SELECT tgid, comm, sum(weight) AS fault_count
    FROM fault
    ANTI JOIN lives USING (tgid)
    GROUP BY tgid, comm
),
most_frequent_names AS (
    SELECT tgid, arg_max(comm, (fault_count, comm)) AS comm
    FROM fault_names
    GROUP BY tgid
)
SELECT
    coalesce(lives.tgid, most_frequent_names.tgid),
    coalesce(lives.comm, most_frequent_names.comm),
    coalesce(lives.life_count, 0),
    lives.start_ns,
    lives.end_ns
FROM lives
FULL JOIN most_frequent_names USING (tgid);
