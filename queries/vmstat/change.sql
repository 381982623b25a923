-- Which counters of /proc/vmstat moved between the first and the last snapshot?
-- Grain: one row per counter that is in both and differs. Without times the snapshots stand in the order in which they were read.
-- Counters are kept per CPU and lag: small negative changes are possible, and a value near 2^64 is a small negative one. nr_* are levels
-- in pages.
CREATE OR REPLACE VIEW vmstat_change(
    -- Counter or level.
    name,
    -- Value in the first snapshot; count.
    first_value,
    -- Value in the last snapshot; count.
    last_value,
    -- Last less first; count. NULL beyond int64.
    change
) AS
WITH signed_values AS (
    SELECT
        name,
        snapshot_id,
        coalesce(ts_ns, 0) AS ts_ns,
        (value::HUGEINT - CASE WHEN value > 9223372036854775807 THEN 18446744073709551616 ELSE 0 END)::BIGINT AS value
    FROM vmstat
),
ends AS (
    SELECT arg_min(snapshot_id, (ts_ns, snapshot_id)) AS first_id, arg_max(snapshot_id, (ts_ns, snapshot_id)) AS last_id
    FROM signed_values
)
SELECT firsts.name, firsts.value, lasts.value, TRY_CAST(lasts.value::HUGEINT - firsts.value AS BIGINT)
FROM ends
JOIN signed_values AS firsts ON firsts.snapshot_id = ends.first_id
JOIN signed_values AS lasts ON lasts.snapshot_id = ends.last_id AND lasts.name = firsts.name
WHERE firsts.value <> lasts.value
ORDER BY firsts.name;
