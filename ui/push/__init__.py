"""Push: a browser is told that something has changed, and only the sections that show it are drawn again."""
