"""What the catalogue says of a signal, as the detector of a shard knows it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from config.errors import SnapshotError
from config.settings import Settings, load
from dataflows.decode import TelemetryBatch
from dataflows.detector import Turn
from dataflows.score.models import signals_of
from dataflows.score.scorer import ShardScorer

CATALOGUE = """
[signals.odometer]
role = "ignored"
[signals.speed]
[signals.outside]
role = "context"
[signals.heading]
unit = "deg"
circular = true
[signals.wind]
unit = "rad"
min = -3.2
max = 3.2
role = "context"
circular = true
[signals.clock]
unit = "h"
min = 0.0
max = 24.0
circular = true
[signals.longitude]
unit = "°"
role = "position"
circular = true
"""
NORTH_ONLY = '[signals.heading]\nunit = "°"\ncircular = true\n[signals.course]\nunit = "°"\n'
RIVER = '[detector]\nkind = "river.anomaly.HalfSpaceTrees"\n'
ROWS = 600


def settings(directory: Path, text: str = CATALOGUE) -> Settings:
    file = directory / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return load(file)


def batch(values: np.ndarray) -> TelemetryBatch:
    rows = len(values)
    times, texts = np.arange(rows, dtype=np.int64) * 1_000_000, [str(row) for row in range(rows)]
    return TelemetryBatch(texts, ["car"] * rows, times, values, [b"{}"] * rows, times)


def wander(signals: int) -> np.ndarray:
    return np.cumsum(np.random.default_rng(0).normal(size=(ROWS, signals)), axis=0)


def test_roles_and_turns_of_the_scored_signals(tmp_path: Path) -> None:
    found = signals_of(settings(tmp_path))
    assert found.names == ("speed", "outside", "heading", "wind", "clock")
    assert found.context == ("outside", "wind")
    assert found.circular == {
        "heading": Turn(0.0, 360.0),
        "wind": Turn(-3.2, 2 * math.pi),
        "clock": Turn(0.0, 24.0),
    }


def test_the_scores_of_a_shard_are_those_of_its_signals(tmp_path: Path) -> None:
    scores = ShardScorer(settings(tmp_path)).score(batch(wander(7))).scores
    assert scores.contributions.shape == scores.expected.shape == (ROWS, 5)
    assert (scores.contributions[:, [1, 3]] == 0.0).all()
    assert (scores.contributions[:, [0, 2, 4]].max(axis=0) > 0.0).all()
    heading = scores.expected[:, 2]
    assert ((heading >= 0.0) & (heading <= 360.0)).all()


def test_a_river_detector_gets_the_columns(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(ROWS, 2)) % 360.0
    errors = ShardScorer(settings(tmp_path, RIVER + NORTH_ONLY)).score(batch(values)).scores.error
    # As a plain number every other event would be far from the ones beside it.
    turned = values.copy()
    turned[::2, 0] += 720.0
    again = ShardScorer(settings(tmp_path, RIVER + NORTH_ONLY)).score(batch(turned)).scores.error
    np.testing.assert_allclose(errors, again, rtol=1e-6)
    assert len(np.unique(errors)) > 10


@pytest.mark.parametrize(
    ("before", "after", "name"),
    [
        ('role = "context"\n[signals.heading]', "[signals.heading]", "context"),
        ("circular = true", "", "circular"),
    ],
)
def test_state_of_signals_with_other_roles_is_refused(
    before: str, after: str, name: str, tmp_path: Path
) -> None:
    state = ShardScorer(settings(tmp_path)).snapshot()
    ShardScorer(settings(tmp_path), state)
    changed = settings(tmp_path, CATALOGUE.replace(before, after))
    with pytest.raises(SnapshotError, match=rf"expected a snapshot with {name} = .* other settings"):
        ShardScorer(changed, state)
