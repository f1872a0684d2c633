"""How the share of values within their band is counted."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks import bands
from benchmarks.bands import figures_of, summary
from dataflows.detector import Scores


def test_only_values_that_were_sent_and_have_a_band_are_counted() -> None:
    scores = Scores.empty(6, 3)
    scores.band[1:, :2] = [1.0, 2.0]
    scores.anomaly[5] = True
    values = np.array(
        [[9.0, 0, 0], [9.0, 0, 0], [1.0, 1.0, 1.0], [-1.0, 2.5, 0], [np.nan, 0, 0], [5.0, 0, 0]]
    )
    found = figures_of(scores, values, np.arange(6), ["a", "b", "c"])
    assert set(found) == {"a", "b"}
    assert list(found["a"].values())[:3] == pytest.approx([4, 0.5, 2 / 3])
    assert list(found["b"].values())[:3] == pytest.approx([5, 0.8, 0.75])
    whole = summary(found)
    assert (whole["signals"], whole["values"]) == (2, 9)
    assert whole["within"] == pytest.approx(6 / 9)
    assert whole["lowest"] == pytest.approx(2 / 3)


def test_the_bands_of_a_short_run_hold_about_the_promised_share(capsys: pytest.CaptureFixture[str]) -> None:
    bands.main(["--vehicles", "5", "--seconds", "600", "--json"])
    (signals,) = json.loads(capsys.readouterr().out).values()
    assert signals["all"]["values"] == 600 * 5 * signals["all"]["signals"]
    assert 0.985 < signals["all"]["unflagged"] <= 1.0
