-- What did each recorder lose?
-- Grain: one row per source and reason.
-- lost and lost_samples count the same loss twice, once as it happened and once at the end: compare them, never add them.
CREATE OR REPLACE VIEW loss_by_source(
    -- Row of source.
    source_id,
    -- The input, as given.
    path,
    -- lost, lost_samples, throttle, dropped.
    reason,
    -- Gaps; count.
    gap_count,
    -- Events lost in the gaps that say how many; count. NULL when none says.
    lost_events,
    -- Gaps that do not say how many events are missing; count.
    unknown_gap_count,
    -- First gap with a time; ns.
    first_ns,
    -- Last gap with a time; ns.
    last_ns
) AS
SELECT
    loss.source_id,
    any_value(source.path),
    loss.reason,
    count(*),
    sum(loss.lost_events)::BIGINT,
    count(*) FILTER (WHERE loss.lost_events IS NULL),
    min(loss.ts_ns),
    max(loss.ts_ns)
FROM loss
LEFT JOIN source USING (source_id)
GROUP BY loss.source_id, loss.reason
ORDER BY loss.source_id, loss.reason;
