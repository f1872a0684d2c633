"""What the tests of the simulator's command share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.simulated import Simulator


@pytest.fixture
def simulator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Simulator:
    directory = tmp_path / "simulated"
    directory.mkdir()
    return Simulator(directory, monkeypatch, capsys)
