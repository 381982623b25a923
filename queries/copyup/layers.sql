-- How much did each upper layer gain, and how much of that do copy-ups with a known cause explain?
-- Grain: one row per overlay mount that was listed.
-- gained_bytes = copyup_bytes + new_bytes; explained_bytes is the part of copyup_bytes whose call is known.
CREATE OR REPLACE VIEW copyup_layers(
    -- Row of overlay_mount.
    mount_id,
    -- Where it is mounted.
    mount_point,
    -- Upper layer.
    upper,
    -- Metadata may be copied up without data.
    metacopy,
    -- The whole layer was listed.
    complete,
    -- Data that files of the layer gained; bytes.
    gained_bytes,
    -- Part of it that copy-ups brought; bytes.
    copyup_bytes,
    -- Part of copyup_bytes whose process and call are known; bytes.
    explained_bytes,
    -- Part of gained_bytes that was written; bytes.
    new_bytes,
    -- Files whose data was copied up; count.
    copied_file_count,
    -- Entries copied up without data; count.
    metadata_only_count,
    -- explained_bytes as a share of copyup_bytes; NULL without any.
    explained_share
) AS
WITH explained AS (
    SELECT DISTINCT mount_id, inode
    FROM copyup
    WHERE trigger <> 'unknown' AND metadata_only IS NOT TRUE AND inode IS NOT NULL
),
changes AS (
    SELECT
        change.mount_id,
        sum(change.copyup_bytes)::BIGINT AS copyup_bytes,
        coalesce(sum(change.copyup_bytes) FILTER (WHERE explained.inode IS NOT NULL), 0)::BIGINT AS explained_bytes,
        sum(change.new_bytes)::BIGINT AS new_bytes,
        count(*) FILTER (WHERE change.copyup_bytes > 0) AS copied_file_count,
        count(*) FILTER (WHERE change.copied AND coalesce(change.copyup_bytes, 0) = 0) AS metadata_only_count
    FROM overlay_change AS change
    LEFT JOIN explained ON explained.mount_id = change.mount_id AND explained.inode = change.inode
    GROUP BY change.mount_id
)
SELECT
    mount.mount_id,
    mount.mount_point,
    mount.upper,
    mount.metacopy,
    mount.complete,
    coalesce(changes.copyup_bytes + changes.new_bytes, 0)::BIGINT,
    coalesce(changes.copyup_bytes, 0)::BIGINT,
    coalesce(changes.explained_bytes, 0)::BIGINT,
    coalesce(changes.new_bytes, 0)::BIGINT,
    coalesce(changes.copied_file_count, 0),
    coalesce(changes.metadata_only_count, 0),
    changes.explained_bytes / nullif(changes.copyup_bytes, 0)
FROM overlay_mount AS mount
LEFT JOIN changes USING (mount_id)
ORDER BY 6 DESC, mount.mount_id;
