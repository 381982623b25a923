-- Through which call chains did faults come?
-- Grain: one row per call chain, address space and kind of fault; faults without a call chain are left out.
CREATE OR REPLACE VIEW fault_by_stack(
    -- Call chain: row of stack.
    stack_id,
    -- Address space: row of process; NULL when not known.
    mm_id,
    -- Name of the thread.
    comm,
    -- Kind of fault.
    kind,
    -- Faults; count.
    fault_count,
    -- Bytes copied; bytes. Unknown sizes count as 0.
    copied_bytes,
    -- Time inside them, recorder cost included; ns. NULL when none was timed.
    duration_ns
) AS
SELECT
    stack_id,
    mm_id,
    comm,
    kind,
    sum(weight)::BIGINT AS total_count,
    coalesce(sum(copied_bytes * weight), 0)::BIGINT,
    sum(duration_ns * weight)::BIGINT
FROM fault
WHERE stack_id IS NOT NULL
GROUP BY stack_id, mm_id, comm, kind
ORDER BY total_count DESC, stack_id, mm_id NULLS LAST, comm, kind;
