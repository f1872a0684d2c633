"""Where the histories of tests are."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.history_settings import Place


@pytest.fixture(params=["files", "delta"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A directory, and a URL: what is promised of one is promised of the other."""
    return tmp_path / "history" if request.param == "files" else f"file://{tmp_path}/delta"
