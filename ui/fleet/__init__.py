"""The page *Fleet*: what needs attention now, and where it is."""
