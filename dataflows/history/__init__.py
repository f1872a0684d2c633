"""What the fleet sent and did, kept as Parquet files or Delta tables and queried with SQL.

    <directory>/<kind>/day=2026-11-29/<level>-<written>-<token>.parquet      a directory: `file_store`
    <url>/<kind>/_delta_log/…, <url>/<kind>/day=2026-11-29/….parquet           a URL: `delta`

Rows are stored at least once and read once: every row has an id, and readers and compaction drop what has one
that is there already. A file is there whole or not at all, holds each id at most once, and is never changed.
"""
