"""Where tests find the repository, and the public data sets that are not part of it."""

from __future__ import annotations

from config.settings import DEFAULT_FILE

REPOSITORY = DEFAULT_FILE.parents[1]
PUBLIC_DATA = REPOSITORY.parent / "shared" / "data"
"""Absent on most machines; tests that need it skip there."""
