"""Other streaming detectors, each with the normalisation and the parameters that its authors suggest.

Every function takes a stream's values, shape (n, S), and its number of warm-up rows, and returns scores of
shape (n,), the higher the more anomalous; a row is scored before it is learned. Missing values are replaced
by the last known ones, which none of these detectors does by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dataflows.compiled import Floats

SEED = 42


def river_half_space_trees(values: Floats, warm_up: int) -> Floats:
    """Half-space trees (Tan, Ting & Liu, IJCAI 2011): 25 trees, windows of 250, scaled to 0–1."""
    from river import anomaly, preprocessing

    return _river(
        values, preprocessing.MinMaxScaler() | anomaly.HalfSpaceTrees(n_trees=25, window_size=250, seed=SEED)
    )


def river_loda(values: Floats, warm_up: int) -> Floats:
    """LODA (Pevný, Machine Learning, 2016): 100 random projections, standardised by the warm-up."""
    from river import anomaly

    return _river(_standardised(values, warm_up), anomaly.LODA(seed=SEED))


def _river(values: Floats, model: Any) -> Floats:
    names = [str(number) for number in range(values.shape[1])]
    scores = np.zeros(len(values))
    for row, signals in enumerate(_held(values).tolist()):
        event = dict(zip(names, signals, strict=True))
        scores[row] = model.score_one(event)
        model.learn_one(event)
    return np.nan_to_num(scores)


def ew_z_score(values: Floats, warm_up: int) -> Floats:
    """Largest z-score by exponentially weighted mean and variance, as in a control chart (λ = .02)."""
    from river import stats

    fading = 0.02
    mean = [stats.EWMean(fading_factor=fading) for _ in range(values.shape[1])]
    variance = [stats.EWVar(fading_factor=fading) for _ in range(values.shape[1])]
    scores = np.zeros(len(values))
    for row, signals in enumerate(_held(values).tolist()):
        worst = 0.0
        for signal, value in enumerate(signals):
            # The running variance of a constant can be slightly below 0.
            deviation = max(variance[signal].get(), 0.0) ** 0.5 if row else 0.0
            if deviation > 0:
                worst = max(worst, abs(value - mean[signal].get()) / deviation)
            mean[signal].update(value)
            variance[signal].update(value)
        scores[row] = worst
    return scores


def mahalanobis(values: Floats, warm_up: int) -> Floats:
    """Squared Mahalanobis distance by exponentially weighted mean and covariance over about 500 rows."""
    memory, ridge = 500.0, 1e-3
    held = _held(values)
    signals = held.shape[1]
    mean, covariance = held[0].copy(), np.zeros((signals, signals))
    scores = np.zeros(len(held))
    for row in range(1, len(held)):
        distance = held[row] - mean
        scale = np.sqrt(np.diag(covariance))
        standard = np.where(scale > 0, distance / np.where(scale > 0, scale, 1.0), 0.0)
        correlation = covariance / np.outer(np.where(scale > 0, scale, 1.0), np.where(scale > 0, scale, 1.0))
        correlation[np.diag_indices(signals)] = 1.0 + ridge
        scores[row] = standard @ np.linalg.solve(correlation, standard)
        step = max(1.0 / (row + 1), 1.0 / memory)
        mean += step * distance
        covariance += step * ((1.0 - step) * np.outer(distance, distance) - covariance)
    return scores


def xstream(values: Floats, warm_up: int) -> Floats:
    """xStream (Manzoor, Lamba & Akoglu, KDD 2018), standardised by the warm-up.

    Windows of 256 rows: on these streams it does better with them than with the 25 advised for short ones.
    """
    from pysad.models import xStream

    return _pysad(_standardised(values, warm_up), xStream(random_state=SEED))


def kitnet(values: Floats, warm_up: int) -> Floats:
    """KitNET (Mirsky et al., NDSS 2018): learns its feature map and autoencoders on all of the warm-up."""
    from pysad.models import KitNet

    mapping = max(1, min(100, warm_up // 4))
    model = KitNet(
        grace_feature_mapping=mapping, grace_anomaly_detector=max(1, warm_up - mapping), random_state=SEED
    )
    return _pysad(_held(values), model)


def _pysad(values: Floats, model: Any) -> Floats:
    scores = np.zeros(len(values))
    for row, signals in enumerate(values):
        scores[row] = float(np.squeeze(model.score_partial(signals))) if row else 0.0
        model.fit_partial(signals)
    return np.nan_to_num(scores)


def deep_river_autoencoder(values: Floats, warm_up: int) -> Floats:
    """deep-river's online autoencoder, one hidden layer, standardised by the warm-up."""
    import torch
    from deep_river.anomaly import Autoencoder
    from torch import nn

    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    signals = values.shape[1]
    hidden = max(2, signals // 2)
    network: Callable[..., Any] = nn.Sequential(
        nn.Linear(signals, hidden), nn.LeakyReLU(), nn.Linear(hidden, signals)
    )
    model = Autoencoder(module=network, loss_fn="mse", optimizer_fn="adam", lr=1e-3, seed=SEED)
    return _river(_standardised(values, warm_up), model)


def _held(values: Floats) -> Floats:
    """Replace missing values by the last known ones, and by 0 before the first."""
    known = np.isfinite(values)
    last = np.maximum.accumulate(np.where(known, np.arange(len(values))[:, None], 0), axis=0)
    return np.nan_to_num(np.take_along_axis(values, last, axis=0), posinf=0.0, neginf=0.0)


def _standardised(values: Floats, warm_up: int) -> Floats:
    """Standardise by mean and standard deviation of the warm-up.

    On these streams, detectors that need it do better with this than with a scaler that keeps learning.
    """
    held = _held(values)
    start = held[: max(warm_up, 2)]
    deviation = start.std(axis=0)
    standard: Floats = (held - start.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    return standard
