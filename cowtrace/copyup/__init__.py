"""Overlay copy-ups: found in recordings, matched with listings of the upper layer, priced for what-ifs."""
