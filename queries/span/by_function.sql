-- Which kernel functions took the time, as function_graph saw them?
-- Grain: one row per function.
-- The time of a function contains that of the functions it called: never add rows.
CREATE OR REPLACE VIEW span_by_function(
    -- Kernel function.
    function,
    -- Calls; count.
    call_count,
    -- Calls with a time; count.
    timed_count,
    -- Time inside, callees and recorder cost included; ns. NULL when none was timed.
    duration_ns,
    -- Half of the calls took no longer; ns.
    p50_ns,
    -- 99 of 100 took no longer; ns.
    p99_ns,
    -- The longest; ns.
    max_ns
) AS
SELECT
    function,
    count(*) AS calls,
    count(duration_ns),
    sum(duration_ns)::BIGINT AS total_ns,
    quantile_disc(duration_ns, 0.5),
    quantile_disc(duration_ns, 0.99),
    max(duration_ns)
FROM span
GROUP BY function
ORDER BY total_ns DESC NULLS LAST, calls DESC, function;
