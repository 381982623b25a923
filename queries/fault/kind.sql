-- Which family does each kind of fault belong to?
-- Grain: one row per kind of the schema.
-- A thp_split that copied nothing counts as a reuse: fault/_weighed looks at its copied_bytes.
CREATE OR REPLACE VIEW fault_kind(
    -- Kind, as in fault.kind.
    kind,
    -- copy: an old page was copied. reuse: a page was made writable in place. first_touch: a page was zero-filled, or the shared
    -- zero page mapped. file: file or shared memory was mapped or made writable. other: swap-in, NUMA hint, userfaultfd, spurious.
    -- failed: nothing was mapped. unknown: the recording can't tell.
    family,
    -- Order in which reports list the kinds.
    position
) AS
SELECT kind, family, position
FROM (
    VALUES
        ('cow_copy', 'copy', 1),
        ('cow_reuse', 'reuse', 2),
        ('thp_split', 'copy', 3),
        ('thp_reuse', 'reuse', 4),
        ('file_cow', 'copy', 5),
        ('ksm_copy', 'copy', 6),
        ('hugetlb_cow', 'copy', 7),
        ('zero_page_cow', 'first_touch', 8),
        ('thp_zero_page_cow', 'first_touch', 9),
        ('anon_zero', 'first_touch', 10),
        ('mthp_zero', 'first_touch', 11),
        ('thp_zero', 'first_touch', 12),
        ('zero_page', 'first_touch', 13),
        ('thp_zero_page', 'first_touch', 14),
        ('file_read', 'file', 15),
        ('file_mkwrite', 'file', 16),
        ('shmem', 'file', 17),
        ('swap_in', 'other', 18),
        ('numa_hint', 'other', 19),
        ('hugetlb', 'first_touch', 20),
        ('uffd', 'other', 21),
        ('spurious', 'other', 22),
        ('failed', 'failed', 23),
        ('unknown', 'unknown', 24)
) AS kinds(kind, family, position);
