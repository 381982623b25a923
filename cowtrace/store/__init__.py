"""The store: a folder of Parquet tables with a manifest."""
