-- Which class is each copy-up of, what of it was for nothing, and what would avoid it?
-- Grain: one row per row of copyup.
CREATE OR REPLACE VIEW copyup__hinted(
    -- Start of the call; ns.
    ts_ns,
    -- Time blocked; ns. NULL when not known.
    duration_ns,
    -- Process id.
    tgid,
    -- Its thread's name.
    comm,
    -- What it did.
    trigger,
    -- File.
    path,
    -- file, dir, link, other.
    file_type,
    -- Overlay mount.
    mount_id,
    -- Cgroup id.
    cgroup_id,
    -- Address space.
    mm_id,
    -- Data copied; bytes. NULL when not known.
    copied_bytes,
    -- Only metadata was copied.
    metadata_only,
    -- Bytes of the copy that were changed; bytes. NULL when not known.
    written_bytes,
    -- Bytes copied that nobody changed; bytes. NULL when not known.
    wasted_bytes,
    -- What the row rests on.
    evidence,
    -- 0..1.
    confidence,
    -- Class of copy-up, for grouping.
    class,
    -- What would avoid it.
    hint
) AS
WITH classed AS (
    SELECT
        *,
        CASE WHEN copied_bytes > 0 THEN (copied_bytes - written_bytes + greatest(written_bytes - copied_bytes, 0))::BIGINT END AS wasted_bytes,
        CASE
            WHEN file_type = 'dir' THEN 'folder'
            WHEN trigger = 'unknown' THEN 'unknown'
            WHEN metadata_only THEN 'metadata only'
            WHEN trigger IN ('chmod', 'chown', 'utimes', 'xattr') THEN 'attributes'
            WHEN trigger IN ('rename', 'link') THEN 'name'
            WHEN trigger = 'truncate' THEN 'truncate'
            WHEN written_bytes = 0 THEN 'opened, not written'
            WHEN written_bytes * 2 >= copied_bytes THEN 'rewritten'
            ELSE 'written in part'
        END AS class
    FROM copyup
)
SELECT
    ts_ns,
    duration_ns,
    tgid,
    comm,
    trigger,
    path,
    file_type,
    mount_id,
    cgroup_id,
    mm_id,
    copied_bytes,
    metadata_only,
    written_bytes,
    wasted_bytes,
    evidence,
    confidence,
    class,
    CASE class
        WHEN 'attributes' THEN 'set owner, mode, times and attributes when the image is built; or mount with metacopy=on'
        WHEN 'name' THEN 'rename and link when the image is built; or mount with metacopy=on'
        WHEN 'truncate' THEN 'truncate() copies the whole file before it cuts it: open with O_TRUNC, or write a new file'
        WHEN 'opened, not written' THEN 'open for reading only; a file opened for writing is copied before anything is written'
        WHEN 'written in part' THEN 'keep files that are written in place or appended to on a volume or tmpfs'
        WHEN 'rewritten' THEN 'open with O_TRUNC, or write a new file and rename it over the old one'
    END
FROM classed;
