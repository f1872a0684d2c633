"""Fewer points for a picture: what decides its look is kept."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dataflows.report.thinning import thinned

VALUES = st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(float("nan"))), min_size=1, max_size=300)


@given(VALUES, st.integers(1, 20))
def test_every_column_keeps_its_extremes_and_its_ends(values: list[float], columns: int) -> None:
    y = np.array(values)
    x = np.arange(len(y), dtype=np.float64)
    kept = thinned(x, y, columns)
    assert list(kept) == sorted(set(kept.tolist()))
    width = (x[-1] - x[0]) / columns or 1.0
    column = np.minimum((x / width).astype(int), columns - 1)
    for number in np.unique(column):
        rows = np.flatnonzero(column == number)
        shown = y[np.intersect1d(kept, rows)]
        assert {rows[0], rows[-1]} <= set(kept.tolist())
        if np.isfinite(y[rows]).any():
            assert np.nanmin(shown) == np.nanmin(y[rows])
            assert np.nanmax(shown) == np.nanmax(y[rows])


def test_a_long_line_becomes_short() -> None:
    x = np.arange(86_400)
    assert len(thinned(x.astype(np.float64), np.sin(x), 900)) <= 4 * 900


def test_a_gap_stays_a_gap() -> None:
    y = np.sin(np.arange(1000))
    y[500] = np.nan
    kept = thinned(np.arange(1000).astype(np.float64), y, 5)
    assert {500, 501} <= set(kept.tolist())
