-- Which faults could not be classified, what is left for them, and which facts are missing?
-- Grain: one row per set of possible kinds.
-- The report turns the missing facts into the event that would have told (cowtrace report).
CREATE OR REPLACE VIEW fault_unknown_why(
    -- Kinds that are left, joined by '|'; NULL when any kind is possible.
    possible_kinds,
    -- Faults; count.
    fault_count,
    -- Their share of all faults; ratio.
    fault_share,
    -- Processes that took them; count.
    process_count,
    -- Time inside them; ns. NULL when none was timed.
    duration_ns,
    -- Those without a known mapping at the address; count.
    no_mapping_count,
    -- Those without a faulting address; count.
    no_addr_count,
    -- Those of which it is unknown whether they wrote; count.
    no_access_count,
    -- Those without an exit event (neither time nor major/minor); count.
    no_exit_count
) AS
WITH totals AS (
    SELECT sum(weight) AS fault_count FROM fault
)
SELECT
    possible_kinds,
    sum(fault_count)::BIGINT AS unknown_count,
    sum(fault_count) / any_value((SELECT fault_count FROM totals)),
    count(DISTINCT tgid),
    sum(duration_ns)::BIGINT,
    coalesce(sum(fault_count) FILTER (WHERE vma_id IS NULL), 0)::BIGINT,
    coalesce(sum(fault_count) FILTER (WHERE addr IS NULL), 0)::BIGINT,
    coalesce(sum(fault_count) FILTER (WHERE is_write IS NULL), 0)::BIGINT,
    coalesce(sum(fault_count) FILTER (WHERE duration_ns IS NULL AND is_major IS NULL), 0)::BIGINT
FROM fault__weighed
WHERE kind = 'unknown'
GROUP BY possible_kinds
ORDER BY unknown_count DESC, possible_kinds;
