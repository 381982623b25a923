-- Which files and kinds of memory took page faults, command by command?
-- Grain: one row per name of the faulting process and mapped object (path, or kind of memory where there is none).
-- The rows add up to all faults. They are summed by mapping and process first: names are joined to few rows, not to every fault.
CREATE OR REPLACE VIEW fault_by_object(
    -- Name of the faulting process, as in process/name.
    comm,
    -- Kind of the mapping, as in vma; NULL: no mapping known there.
    vma_kind,
    -- File or pseudo file; NULL for anonymous memory.
    path,
    -- Distinct mappings of it; count.
    mapping_count,
    -- First byte of the lowest one.
    start_addr,
    -- Faults; count.
    fault_count,
    -- Faults that copied an old page; count.
    copy_count,
    -- Faults that made a page writable in place; count.
    reuse_count,
    -- Faults that zero-filled a page or mapped the shared zero page; count.
    first_touch_count,
    -- Faults on files and shared memory that copied nothing; count.
    file_count,
    -- Swap-in, NUMA hint, userfaultfd, spurious and kinds new to this library; count.
    other_count,
    -- Faults that mapped nothing; count.
    failed_count,
    -- Faults that the recording can't tell; count.
    unknown_count,
    -- Bytes copied; bytes. Unknown sizes count as 0.
    copied_bytes,
    -- Bytes zero-filled; bytes. Unknown sizes count as 0.
    zeroed_bytes,
    -- Copies whose size was not recorded; count.
    unsized_count,
    -- Time inside them, recorder cost included; ns. NULL when none was timed.
    duration_ns,
    -- Faults with a time; count.
    timed_count
) AS
WITH costs AS (
    SELECT
        vma_id, tgid,
        sum(fault_count)::BIGINT AS fault_count,
        coalesce(sum(fault_count) FILTER (WHERE family = 'copy'), 0)::BIGINT AS copy_count,
        coalesce(sum(fault_count) FILTER (WHERE family = 'reuse'), 0)::BIGINT AS reuse_count,
        coalesce(sum(fault_count) FILTER (WHERE family = 'first_touch'), 0)::BIGINT AS first_touch_count,
        coalesce(sum(fault_count) FILTER (WHERE family = 'file'), 0)::BIGINT AS file_count,
        coalesce(sum(fault_count) FILTER (WHERE family = 'other'), 0)::BIGINT AS other_count,
        coalesce(sum(fault_count) FILTER (WHERE family = 'failed'), 0)::BIGINT AS failed_count,
        coalesce(sum(fault_count) FILTER (WHERE family = 'unknown'), 0)::BIGINT AS unknown_count,
        coalesce(sum(copied_bytes), 0)::BIGINT AS copied_bytes,
        coalesce(sum(zeroed_bytes), 0)::BIGINT AS zeroed_bytes,
        sum(unsized_count)::BIGINT AS unsized_count,
        sum(duration_ns)::BIGINT AS duration_ns,
        coalesce(sum(fault_count) FILTER (WHERE duration_ns IS NOT NULL), 0)::BIGINT AS timed_count
    FROM fault__summed
    GROUP BY vma_id, tgid
)
SELECT
    process_name.comm,
    vma.vma_kind,
    vma.path,
    count(DISTINCT costs.vma_id),
    min(vma.start_addr),
    sum(costs.fault_count)::BIGINT AS total_count,
    sum(costs.copy_count)::BIGINT,
    sum(costs.reuse_count)::BIGINT,
    sum(costs.first_touch_count)::BIGINT,
    sum(costs.file_count)::BIGINT,
    sum(costs.other_count)::BIGINT,
    sum(costs.failed_count)::BIGINT,
    sum(costs.unknown_count)::BIGINT,
    sum(costs.copied_bytes)::BIGINT,
    sum(costs.zeroed_bytes)::BIGINT,
    sum(costs.unsized_count)::BIGINT,
    sum(costs.duration_ns)::BIGINT AS total_ns,
    sum(costs.timed_count)::BIGINT
FROM costs
LEFT JOIN vma USING (vma_id)
LEFT JOIN process_name ON process_name.tgid = costs.tgid
GROUP BY process_name.comm, vma.vma_kind, vma.path
ORDER BY total_ns DESC NULLS LAST, total_count DESC, process_name.comm, vma.vma_kind, vma.path;
