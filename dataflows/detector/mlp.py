"""Reconstruct every signal from all the others by a small neural network, trained online."""

from __future__ import annotations

from typing import ClassVar, TypeAlias

import numpy as np

from dataflows.compiled import Floats, Mask
from dataflows.detector.linear import BLAMED_ABOVE, BLAMED_AT_MOST
from dataflows.detector.rowwise import row_product
from dataflows.detector.state import ArrayState

Weights: TypeAlias = tuple[Floats, Floats, Floats, Floats]
"""W₁ (S, H), b₁ (H,), W₂ (H, S), b₂ (S,)."""

SEED = 0
"""Seed of the initial weights: the same stream must give the same scores."""

INPUT_LIMIT = 5.0
"""Standard deviations to which inputs are clipped: one wild value must not saturate every hidden unit."""

ERROR_LIMIT = 3.0
"""Standard deviations beyond which a larger error pulls no harder (Huber, 1964)."""

DECAY_FIRST, DECAY_SECOND, EPSILON = 0.9, 0.999, 1e-8
"""β₁, β₂ and ε of Adam."""

LEAST_DEVIATION = 0.03
"""Lower limit of an error's standard deviation, in those of the signal: no relation is known more exactly."""


def predictions(weights: Weights, scores: Floats) -> tuple[Floats, Floats]:
    """Each signal as predicted from all the others.

    To predict signal i, input i is left out: ``ẑ_i = W₂[:, i] · tanh(b₁ + Σ_{j≠i} z_j W₁[j]) + b₂[i]``.

    Args:
        scores: shape (n, S).

    Returns:
        Predictions, shape (n, S), and the hidden units for each left-out input, shape (n, S, H).
    """
    first, first_bias, second, second_bias = weights
    together = row_product(scores, first) + first_bias
    hidden = np.tanh(together[:, None, :] - scores[:, :, None] * first)
    predicted = hidden[:, :, 0] * second[0]
    for unit in range(1, len(second)):
        predicted += hidden[:, :, unit] * second[unit]
    return predicted + second_bias, hidden


def loss_and_gradient(weights: Weights, scores: Floats, importance: Floats) -> tuple[float, Weights]:
    """Weighted mean Huber loss of the predictions, and its gradient.

    Args:
        scores: shape (n, S).
        importance: weight of each value, shape (n, S), ≥ 0; their sum must be > 0.
    """
    second = weights[2]
    predicted, hidden = predictions(weights, scores)
    error = predicted - scores
    size = np.abs(error)
    huber = np.where(size <= ERROR_LIMIT, 0.5 * error * error, ERROR_LIMIT * (size - 0.5 * ERROR_LIMIT))
    share = importance / importance.sum()
    pull = share * np.clip(error, -ERROR_LIMIT, ERROR_LIMIT)
    upstream = pull[:, :, None] * second.T * (1.0 - hidden * hidden)
    total = upstream.sum(axis=1)
    gradient = (
        scores.T @ total - np.einsum("ni,nih->ih", scores, upstream),
        total.sum(axis=0),
        np.einsum("ni,nih->hi", pull, hidden),
        pull.sum(axis=0),
    )
    return float((share * huber).sum()), gradient


class MlpReconstructor(ArrayState):
    """Leave-one-out reconstruction by one hidden layer of tanh units, trained by Adam.

    It is an autoencoder in which no output sees its own input, so that no signal can be copied through. Every
    block is learned by a few steps of Adam (Kingma & Ba, ICLR 2015), with the mean gradient of the block.
    Unlike the linear reconstructor it can follow nonlinear relations; it needs some thousand rows to do so.

    Args:
        signals: number of signals S.
        hidden: hidden units H.
        learning_rate: step of Adam, > 0.
        steps: steps per block, ≥ 1.
        memory: rows after which old errors are forgotten.
    """

    SHARED: ClassVar = ("weights", "mean_gradient", "mean_square", "steps_taken", "error", "rows")

    def __init__(self, signals: int, *, hidden: int, learning_rate: float, steps: int, memory: float) -> None:
        self.learning_rate, self.steps, self.memory = learning_rate, steps, memory
        random = np.random.default_rng(SEED)
        # Glorot & Bengio, AISTATS 2010.
        bound = np.sqrt(6.0 / (signals + hidden))
        self.weights: Weights = (
            random.uniform(-bound, bound, (signals, hidden)),
            np.zeros(hidden),
            np.zeros((hidden, signals)),
            np.zeros(signals),
        )
        self.mean_gradient = tuple(map(np.zeros_like, self.weights))
        self.mean_square = tuple(map(np.zeros_like, self.weights))
        self.steps_taken = 0
        self.error = np.zeros(signals)
        self.rows = np.zeros(signals)

    def reconstruct(
        self, scores: Floats, observed: Mask, fallible: Mask | None = None
    ) -> tuple[Floats, Floats]:
        """Reconstruct n rows of standard scores; as `LinearReconstructor.reconstruct`.

        A missing signal is assumed to be at its mean, one that is taken to be faulty where it is expected;
        `BLAMED_MARGIN` does not apply here.
        """
        inputs = np.clip(scores, -INPUT_LIMIT, INPUT_LIMIT)
        expected, _ = predictions(self.weights, inputs)
        deviation = self.residual_deviation
        residuals = np.where(observed, (scores - expected) / deviation, 0.0)
        healthy = observed.copy()
        fallible = np.ones(scores.shape[1], np.bool_) if fallible is None else fallible
        for _ in range(BLAMED_AT_MOST):
            sizes = np.where(healthy & fallible, np.abs(scores - expected) / deviation, 0.0)
            minority = 2 * (observed & ~healthy).sum(axis=1) + 2 < observed.sum(axis=1)
            rows = np.flatnonzero((sizes.max(axis=1) > BLAMED_ABOVE) & minority)
            if len(rows) == 0:
                break
            worst = sizes[rows].argmax(axis=1)
            inputs[rows, worst], healthy[rows, worst] = expected[rows, worst], False
            expected[rows] = predictions(self.weights, inputs[rows])[0]
        return expected, residuals

    @property
    def residual_deviation(self) -> Floats:
        """Standard deviation of each signal's error, in those of the signal, shape (S,); 1 at first."""
        square = np.where(self.rows > 0, self.error / np.maximum(self.rows, 1e-300), 1.0)
        deviation: Floats = np.maximum(np.sqrt(square), LEAST_DEVIATION)
        return deviation

    def learn(self, scores: Floats, weights: Floats) -> None:
        """Learn a block of n rows.

        Args:
            scores: standard scores as passed to `reconstruct`, shape (n, S); 0 where not observed.
            weights: weight of each value, shape (n, S), ≥ 0; 0 where not observed.
        """
        if not weights.any():
            return
        inputs = np.clip(scores, -INPUT_LIMIT, INPUT_LIMIT)
        error = np.clip(inputs - predictions(self.weights, inputs)[0], -ERROR_LIMIT, ERROR_LIMIT)
        self.error = self.error + (weights * error * error).sum(axis=0)
        self.rows = self.rows + weights.sum(axis=0)
        kept = self.memory / np.maximum(self.rows, self.memory)
        self.error, self.rows = self.error * kept, self.rows * kept
        for _ in range(self.steps):
            self._step(loss_and_gradient(self.weights, inputs, weights)[1])

    def _step(self, gradient: Weights) -> None:
        """One step of Adam, algorithm 1 of the paper."""
        self.steps_taken += 1
        first_share = 1.0 - DECAY_FIRST**self.steps_taken
        second_share = 1.0 - DECAY_SECOND**self.steps_taken
        new = []
        mean_gradient, mean_square = [], []
        for weight, slope, mean, square in zip(
            self.weights, gradient, self.mean_gradient, self.mean_square, strict=True
        ):
            mean = DECAY_FIRST * mean + (1.0 - DECAY_FIRST) * slope
            square = DECAY_SECOND * square + (1.0 - DECAY_SECOND) * slope * slope
            step = self.learning_rate * (mean / first_share) / (np.sqrt(square / second_share) + EPSILON)
            new.append(weight - step)
            mean_gradient.append(mean)
            mean_square.append(square)
        self.weights = (new[0], new[1], new[2], new[3])
        self.mean_gradient, self.mean_square = tuple(mean_gradient), tuple(mean_square)
