"""Readers of recordings: one format a package. They decode and count; they never aggregate or attribute."""
