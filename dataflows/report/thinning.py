"""Fewer points for a picture, with the same look."""

from __future__ import annotations

import numpy as np

from dataflows.compiled import Floats, Slots


def thinned(x: Floats, y: Floats, columns: int) -> Slots:
    """Positions of the points that decide what a line looks like.

    Of each column of pixels the first, last, lowest and highest point are kept, so that no spike is lost: M4,
    Jugel et al., "M4: A Visualization-Oriented Time Series Data Aggregation", VLDB 2014.

    Args:
        x: rising, shape (n,).
        y: NaN where the line is interrupted, shape (n,).
        columns: width of the picture, ≥ 1.

    Returns:
        Ascending positions, at most four per column and those of single gaps, shape (m,).
    """
    if len(x) <= 4 * columns:
        return np.arange(len(x))
    width = (x[-1] - x[0]) / columns or 1.0
    column = np.minimum(((x - x[0]) / width).astype(np.intp), columns - 1)
    first = np.flatnonzero(np.diff(column, prepend=-1))
    last = np.append(first[1:], len(x)) - 1
    gap = np.isnan(y)
    order = np.lexsort((np.where(gap, np.inf, y), column))
    lowest = order[first]
    # NaN sorts last, so the highest is the last one that is none.
    order = np.lexsort((np.where(gap, -np.inf, y), column))
    highest = order[last]
    edges = np.flatnonzero(np.diff(gap.astype(np.int8), prepend=0))
    return np.unique(np.concatenate((first, last, lowest, highest, edges)))
