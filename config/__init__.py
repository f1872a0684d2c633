"""Typed settings, the TOML files that hold them, and the tree of errors a user can meet."""
