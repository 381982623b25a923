-- Which source lines took the page faults, and what did they cost?
-- Grain: one row per function, source file and line that faulted; places without debug information are one row per file.
-- Reads debug information where the files have it, for at most 20 seconds; table symbol_note says what is missing and why. The line is the
-- innermost one: of a function that the compiler merged into another, where it stands itself.
CREATE OR REPLACE VIEW code_by_line(
    -- Source file, as the compiler was told; NULL where not known.
    source_file,
    -- Line; NULL where not known.
    source_line,
    -- Function, merged ones by their own name; NULL where none is known.
    symbol,
    -- File that holds the code.
    dso,
    -- Faults; count.
    fault_count,
    -- Faults that copied an old page; count.
    copy_count,
    -- Bytes copied; bytes. Unknown sizes count as 0.
    copied_bytes,
    -- Time inside them, recorder cost included; ns. NULL when none was timed.
    duration_ns
) AS
WITH lines AS (
    SELECT frame.frame_id, frame.dso, code_line.source_file, code_line.source_line, coalesce(code_line.symbol, frame.symbol) AS symbol
    FROM frame
    LEFT JOIN code_line ON code_line.frame_id = frame.frame_id AND code_line.level = 0
)
SELECT
    lines.source_file,
    lines.source_line,
    lines.symbol,
    lines.dso,
    sum(places.fault_count)::BIGINT,
    sum(places.copy_count)::BIGINT,
    sum(places.copied_bytes)::BIGINT,
    sum(places.duration_ns)::BIGINT
FROM code__by_frame AS places
LEFT JOIN lines USING (frame_id)
GROUP BY lines.source_file, lines.source_line, lines.symbol, lines.dso
ORDER BY sum(places.duration_ns) DESC NULLS LAST, sum(places.fault_count) DESC, lines.dso, lines.source_file, lines.source_line, lines.symbol;
