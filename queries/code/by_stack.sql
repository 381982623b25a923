-- Which call chains took the page faults, and what did they cost?
-- Grain: one row per distinct chain of function names; faults without a recorded chain are those of the instruction alone.
-- The outermost call stands first, as flame graphs want it: SELECT array_to_string(frames, ';'), fault_count. A call without a name is [file]+0xaddress.
CREATE OR REPLACE VIEW code_by_stack(
    -- Functions, outermost first; NULL when neither chain nor instruction was recorded.
    frames,
    -- Faults; count.
    fault_count,
    -- Faults that copied an old page; count.
    copy_count,
    -- Bytes copied; bytes. Unknown sizes count as 0.
    copied_bytes,
    -- Time inside them, recorder cost included; ns. NULL when none was timed.
    duration_ns
) AS
WITH labels AS (
    SELECT
        frame_id,
        coalesce(symbol, '[' || coalesce(regexp_extract(dso, '[^/]*$'), 'unknown') || ']' || printf('+0x%x', address)) AS label
    FROM frame
),
chains AS (
    SELECT
        row_number() OVER () AS chain_id,
        stack_frame.text_mm_id,
        stack_frame.stack_id,
        stack_frame.start_ns,
        stack_frame.end_ns,
        list(labels.label ORDER BY stack_frame.depth DESC) AS frames
    FROM stack_frame
    JOIN labels USING (frame_id)
    GROUP BY ALL
),
costs AS (
    SELECT
        chains.chain_id,
        CASE WHEN faults.stack_id IS NULL THEN ip_frame.frame_id END AS frame_id,
        sum(faults.fault_count) AS fault_count,
        coalesce(sum(faults.fault_count) FILTER (WHERE faults.family = 'copy'), 0) AS copy_count,
        coalesce(sum(faults.copied_bytes), 0) AS copied_bytes,
        sum(faults.duration_ns) AS duration_ns
    FROM fault__weighed AS faults
    LEFT JOIN text_space ON text_space.mm_id = faults.mm_id
    LEFT JOIN chains
        ON chains.stack_id = faults.stack_id
        AND chains.text_mm_id IS NOT DISTINCT FROM text_space.text_mm_id
        AND faults.ts_ns >= chains.start_ns
        AND faults.ts_ns < chains.end_ns
    LEFT JOIN ip_frame
        ON faults.stack_id IS NULL
        AND ip_frame.ip = faults.ip
        AND ip_frame.text_mm_id IS NOT DISTINCT FROM text_space.text_mm_id
        AND faults.ts_ns >= ip_frame.start_ns
        AND faults.ts_ns < ip_frame.end_ns
    GROUP BY ALL
)
SELECT
    coalesce(chains.frames, CASE WHEN labels.label IS NOT NULL THEN [labels.label] END) AS frames,
    sum(costs.fault_count)::BIGINT,
    sum(costs.copy_count)::BIGINT,
    sum(costs.copied_bytes)::BIGINT,
    sum(costs.duration_ns)::BIGINT
FROM costs
LEFT JOIN chains USING (chain_id)
LEFT JOIN labels USING (frame_id)
GROUP BY 1
ORDER BY 5 DESC NULLS LAST, 2 DESC, 1;
