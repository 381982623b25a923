-- Which containers (cgroups) paid for overlay copy-ups?
-- Grain: one row per cgroup, and one with cgroup_id NULL where it was not recorded.
CREATE OR REPLACE VIEW copyup_by_cgroup(
    -- Cgroup id.
    cgroup_id,
    -- Its path; NULL when not recorded.
    cgroup_path,
    -- Copy-ups; count.
    copyup_count,
    -- Bytes of file data copied; bytes. NULL when the recording tells it for none.
    copied_bytes,
    -- Bytes copied that nobody changed; bytes. NULL when not known.
    wasted_bytes,
    -- Time blocked; ns. NULL when none was timed.
    duration_ns
) AS
SELECT
    copyup.cgroup_id,
    any_value(cgroup.path),
    count(*) AS copyups,
    sum(copyup.copied_bytes)::BIGINT,
    sum(copyup.wasted_bytes)::BIGINT,
    sum(copyup.duration_ns)::BIGINT AS total_ns
FROM copyup__hinted AS copyup
LEFT JOIN (SELECT cgroup_id, any_value(path) AS path FROM cgroup GROUP BY cgroup_id) AS cgroup USING (cgroup_id)
GROUP BY copyup.cgroup_id
ORDER BY total_ns DESC NULLS LAST, copyups DESC, copyup.cgroup_id NULLS LAST;
