-- How long did one fault of each kind take?
-- Grain: one row per kind with at least one timed fault.
-- A fault counts as often as it stands for. A percentile is the smallest time that the given part of the faults did not exceed: equal
-- times are added up first, then accumulated in ascending order.
CREATE OR REPLACE VIEW fault_latency_by_kind(
    -- Kind of fault.
    kind,
    -- Faults with a time; count.
    timed_count,
    -- Half of them took no longer, recorder cost included; ns.
    p50_ns,
    -- Nine of ten took no longer; ns.
    p90_ns,
    -- 99 of 100 took no longer; ns.
    p99_ns,
    -- The longest; ns.
    max_ns,
    -- All of them together; ns.
    duration_ns
) AS
WITH lengths AS (
    SELECT kind, single_ns, sum(fault_count) AS fault_count, sum(duration_ns) AS duration_ns
    FROM fault__weighed
    WHERE single_ns IS NOT NULL
    GROUP BY kind, single_ns
),
ranked_lengths AS (
    SELECT
        *,
        sum(fault_count) OVER (PARTITION BY kind ORDER BY single_ns) AS reached_count,
        sum(fault_count) OVER (PARTITION BY kind) AS kind_count
    FROM lengths
)
SELECT
    kind,
    sum(fault_count)::BIGINT,
    min(single_ns) FILTER (WHERE reached_count * 100 >= kind_count * 50),
    min(single_ns) FILTER (WHERE reached_count * 100 >= kind_count * 90),
    min(single_ns) FILTER (WHERE reached_count * 100 >= kind_count * 99),
    max(single_ns),
    sum(duration_ns)::BIGINT
FROM ranked_lengths
GROUP BY kind
ORDER BY sum(duration_ns) DESC, kind;
