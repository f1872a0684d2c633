"""The page *Pipeline*: how the jobs are doing."""
