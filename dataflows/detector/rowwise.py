"""Arithmetic whose result for a row does not depend on which other rows are in the array.

The detector promises bit-identical results however a stream is cut into batches. BLAS and `numpy.sum` do not
keep that promise: they choose their kernel, and with it the order of the additions, by the shape of the whole
array. Everything that is computed per event while scoring therefore runs in compiled loops over the rows,
whose results are identical to the bit for one row and for a thousand.
"""

from __future__ import annotations

import numpy as np

from dataflows.compiled import Floats, Slots, compiled


@compiled
def row_product(matrix: Floats, weights: Floats) -> Floats:
    """The matrix product ``matrix @ weights``, row by row.

    Args:
        matrix: shape (n, k), k ≥ 1.
        weights: shape (k, m).

    Returns:
        Shape (n, m).
    """
    product = np.zeros((matrix.shape[0], weights.shape[1]))
    for row in range(matrix.shape[0]):
        for column in range(matrix.shape[1]):
            factor = matrix[row, column]
            for out in range(weights.shape[1]):
                product[row, out] += factor * weights[column, out]
    return product


@compiled
def distinct(slots: Slots, vehicles: int) -> Slots:
    """The slots without repetition, in the order of their first occurrence; all are below `vehicles`."""
    found, met, count = np.empty_like(slots), np.zeros(vehicles, np.bool_), 0
    for slot in slots:
        if not met[slot]:
            met[slot] = True
            found[count] = slot
            count += 1
    return found[:count]
