-- How are the lengths of faults spread, kind by kind?
-- Grain: one row per kind and step of length with at least one timed fault; eight steps double the length.
CREATE OR REPLACE VIEW fault_latency_histogram(
    -- Kind of fault.
    kind,
    -- Number of the step: eight times the binary logarithm of its shortest length.
    step,
    -- Shortest length of the step, rounded; ns.
    from_ns,
    -- Shortest length of the next step, rounded; ns.
    to_ns,
    -- Faults; count.
    fault_count,
    -- Time inside them, recorder cost included; ns.
    duration_ns
) AS
WITH steps AS (
    SELECT kind, floor(8 * log2(greatest(single_ns, 1)))::INTEGER AS step, fault_count, duration_ns
    FROM fault__weighed
    WHERE single_ns IS NOT NULL
)
SELECT
    kind,
    step,
    pow(2, step / 8.0)::BIGINT,
    pow(2, (step + 1) / 8.0)::BIGINT,
    sum(fault_count)::BIGINT,
    sum(duration_ns)::BIGINT
FROM steps
GROUP BY kind, step
ORDER BY kind, step;
