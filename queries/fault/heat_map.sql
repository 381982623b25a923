-- Where in its address space, and when, did one process take page faults?
-- Grain: one row per stretch of time and stretch of touched pages with at least one fault.
-- Pages that took no fault are left out of the address axis: each place holds the same number of touched pages.
-- Example: FROM fault_heat_map(pid := 4711)
CREATE OR REPLACE MACRO fault_heat_map(
    -- Process id; NULL, the default: the one with the most copies, then the most faults.
    pid := NULL,
    -- Stretches of time; count. 160 unless given.
    stretch_count := 160,
    -- Places on the address axis; count. 120 unless given.
    place_count := 120
) AS TABLE
WITH cells(
    -- Process id.
    tgid,
    -- Start of the stretch on the recording's clock; ns.
    start_ns,
    -- Its length; ns.
    length_ns,
    -- Number of the place, 0 = lowest addresses.
    place,
    -- First byte of the lowest page of the place that took a fault.
    first_addr,
    -- First byte of the highest page of the place that took a fault.
    last_addr,
    -- Mapping of the lowest page: path, or kind of memory; NULL when not known.
    object,
    -- Faults; count.
    fault_count,
    -- Faults that copied an old page; count.
    copy_count
) AS (
    WITH chosen AS (
        SELECT tgid AS chosen_tgid
        FROM fault__weighed
        WHERE addr IS NOT NULL AND (pid IS NULL OR tgid = pid)
        GROUP BY tgid
        ORDER BY sum(fault_count) FILTER (WHERE family = 'copy') DESC NULLS LAST, sum(fault_count) DESC, tgid
        LIMIT 1
    ),
    of_process AS (
        SELECT ts_ns, addr >> 12 AS page, fault_count, family, vma_id
        FROM fault__weighed, chosen
        WHERE tgid = chosen_tgid AND addr IS NOT NULL
    ),
    span AS (
        SELECT min(ts_ns) AS first_ns, (max(ts_ns) - min(ts_ns)) // stretch_count + 1 AS length_ns FROM of_process
    ),
    pages AS (
        SELECT page, any_value(vma_id) AS vma_id, row_number() OVER (ORDER BY page) - 1 AS rank, count(*) OVER () AS page_count
        FROM of_process
        GROUP BY page
    ),
    places AS (
        SELECT page, vma_id, rank * least(place_count, page_count) // page_count AS place FROM pages
    ),
    ends AS (
        SELECT place, min(page) << 12 AS first_addr, max(page) << 12 AS last_addr, arg_min(vma_id, page) AS vma_id
        FROM places
        GROUP BY place
    )
    SELECT
        (SELECT chosen_tgid FROM chosen),
        first_ns + counts.stretch * length_ns,
        length_ns,
        counts.place,
        ends.first_addr,
        ends.last_addr,
        coalesce(vma.path, vma.vma_kind),
        counts.fault_count,
        counts.copy_count
    FROM (
        SELECT
            (ts_ns - first_ns) // length_ns AS stretch,
            place,
            sum(fault_count)::BIGINT AS fault_count,
            coalesce(sum(fault_count) FILTER (WHERE family = 'copy'), 0)::BIGINT AS copy_count
        FROM of_process
        JOIN places USING (page)
        CROSS JOIN span
        GROUP BY (ts_ns - first_ns) // length_ns, place
    ) AS counts
    JOIN ends USING (place)
    LEFT JOIN vma ON vma.vma_id = ends.vma_id
    CROSS JOIN span
)
SELECT * FROM cells ORDER BY place, start_ns;
