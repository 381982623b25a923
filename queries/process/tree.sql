-- Who forked whom, and what did each life pay?
-- Grain: one row per life of a process (mm_id), in tree order: each life before those that came out of it.
-- An exec ends one life and begins the next, which stands below it. Lives deeper than 50 are listed by start below their ancestor of depth 50.
CREATE OR REPLACE VIEW process_tree(
    -- Name, indented by two blanks a level.
    tree,
    -- Levels below the oldest known ancestor.
    depth,
    -- Row of process: the oldest known ancestor, itself when it has none.
    root_mm_id,
    -- Row of process.
    mm_id,
    -- The life that it came from; NULL when not seen.
    parent_mm_id,
    -- Process id.
    tgid,
    -- Name of the main thread at the end of this life.
    comm,
    -- fork, vfork, exec, or seen (it ran before the recording began).
    how,
    -- Fork or exec; ns.
    start_ns,
    -- Exec or exit; ns. NULL when it outlived the recording.
    end_ns,
    -- Its faults; count.
    fault_count,
    -- Bytes copied by them; bytes. Unknown sizes count as 0.
    copied_bytes,
    -- Time of its faults; ns. NULL when none was timed.
    duration_ns
) AS
WITH RECURSIVE descents AS (
    SELECT process.mm_id, process.mm_id AS root_mm_id, 0 AS depth, [process.start_ns, process.mm_id] AS place
    FROM process
    LEFT JOIN process AS parents ON parents.mm_id = process.parent_mm_id
    WHERE parents.mm_id IS NULL
    UNION ALL
    SELECT
        process.mm_id,
        descents.root_mm_id,
        descents.depth + 1,
        CASE WHEN descents.depth < 50 THEN list_concat(descents.place, [process.start_ns, process.mm_id]) ELSE descents.place END
    FROM process
    JOIN descents ON descents.mm_id = process.parent_mm_id
),
payments AS (
    SELECT
        mm_id,
        sum(fault_count)::BIGINT AS fault_count,
        coalesce(sum(copied_bytes), 0)::BIGINT AS copied_bytes,
        sum(duration_ns)::BIGINT AS duration_ns
    FROM fault__summed
    GROUP BY mm_id
)
SELECT
    repeat('  ', least(descents.depth, 50)) || process.comm,
    descents.depth,
    coalesce(descents.root_mm_id, process.mm_id),
    process.mm_id,
    process.parent_mm_id,
    process.tgid,
    process.comm,
    process.how,
    process.start_ns,
    process.end_ns,
    coalesce(payments.fault_count, 0),
    coalesce(payments.copied_bytes, 0),
    payments.duration_ns
FROM process
LEFT JOIN descents USING (mm_id)
LEFT JOIN payments USING (mm_id)
ORDER BY descents.place NULLS LAST, process.start_ns, process.mm_id;
