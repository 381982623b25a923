-- What did the kernel do in the faults, and what did each kind cost?
-- Grain: one row per kind that occurs.
CREATE OR REPLACE VIEW fault_by_kind(
    -- Kind of fault.
    kind,
    -- Its family, as in fault/kind: the one of most faults (a thp_split may be copy or reuse).
    family,
    -- Faults; count.
    fault_count,
    -- Their share of all faults; ratio.
    fault_share,
    -- Those that the kernel accounted as major; count. NULL when the recording tells it for none.
    major_count,
    -- Bytes copied; bytes. Unknown sizes count as 0.
    copied_bytes,
    -- Bytes zero-filled; bytes. Unknown sizes count as 0.
    zeroed_bytes,
    -- Copies whose size was not recorded; count.
    unsized_count,
    -- Time inside them, recorder cost included; ns. NULL when none was timed.
    duration_ns,
    -- Faults with a time; count.
    timed_count,
    -- Mean confidence of the verdicts; ratio.
    confidence
) AS
SELECT
    kind,
    arg_max(family, fault_count),
    sum(fault_count)::BIGINT AS kind_fault_count,
    sum(fault_count) / sum(sum(fault_count)) OVER (),
    sum(CASE WHEN is_major THEN fault_count WHEN NOT is_major THEN 0 END)::BIGINT,
    coalesce(sum(copied_bytes), 0)::BIGINT,
    coalesce(sum(zeroed_bytes), 0)::BIGINT,
    sum(unsized_count)::BIGINT,
    sum(duration_ns)::BIGINT,
    coalesce(sum(fault_count) FILTER (WHERE duration_ns IS NOT NULL), 0)::BIGINT,
    sum(confidence::DOUBLE * fault_count) / sum(fault_count)
FROM fault__weighed
GROUP BY kind
ORDER BY kind_fault_count DESC, min(position), kind;
