"""Arithmetic whose result for a row does not depend on which rows stand beside it.

The detector promises bit-identical results however a stream was cut into batches. BLAS and
`numpy.sum` do not keep that promise: they choose their kernel, and with it the order of the
additions, by the shape of the whole array. Everything that is computed per event while scoring
therefore adds the columns of a matrix one after the other, which is elementwise and exact to the
bit for one row or for a thousand.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Slots: TypeAlias = NDArray[np.intp]
Mask: TypeAlias = NDArray[np.bool_]


def row_sum(matrix: Floats) -> Floats:
    """Sum over the columns, left to right.

    Args:
        matrix: shape (n, k), k ≥ 1.

    Returns:
        Shape (n,).
    """
    total = matrix[:, 0].copy()
    for column in range(1, matrix.shape[1]):
        total += matrix[:, column]
    return total


def row_product(matrix: Floats, weights: Floats) -> Floats:
    """The matrix product ``matrix @ weights``, column by column.

    Args:
        matrix: shape (n, k), k ≥ 1.
        weights: shape (k, m).

    Returns:
        Shape (n, m).
    """
    # Column-major inside: long inner loops.
    columns = np.ascontiguousarray(matrix.T)
    product = weights[0][:, None] * columns[0]
    for column in range(1, len(columns)):
        product += weights[column][:, None] * columns[column]
    return np.ascontiguousarray(product.T)
