"""The page *History*: what vehicles did on a day or over weeks."""
