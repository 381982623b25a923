"""Lists what a recording adds to the upper layers of overlay mounts."""
