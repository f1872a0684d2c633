"""The parameters of a detector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from dataflows.detector import terms

Reconstructor = Literal["linear", "mlp"]

TERMS: Mapping[str, float] = {
    "reconstruction": 1.0,
    "activity": 0.75,
    "restless": 0.55,
    "z_energy": 1.0,
    "flat_line": 0.55,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What a detector knows, learns and flags; its defaults were chosen on public streams.

    "Events" are those of the detector as a whole unless they are said to be a vehicle's. Only the names in
    `reconstructor` and `terms` are checked; what a number outside its range does is undefined.

    Attributes:
        vehicles: most vehicles that are remembered, ≥ 1; the one silent for longest is forgotten first.
        window: a vehicle's events that are kept, ≥ 1: for smoothing, duplicates, late events and activity. A
            vehicle also gets no verdict before as many of its events were learned.
        hold: seconds for which a missing signal keeps its last value, ≥ 0.
        learn_every: most events that are scored with frozen parameters before they are learned, ≥ 1.
        memory: events after which old ones have faded from the model, ≥ 1.
        prior: weight of the fleet's statistics in those of a vehicle, in events of the vehicle, > 0.
        reconstructor: ``linear`` is immediate and exact, ``mlp`` a small network that needs thousands of
            events.
        ridge: linear: added to the diagonal of the signals' correlation matrix, > 0. With small values, small
            deviations from exact relations are seen; large ones are more robust.
        hidden: mlp: hidden units, ≥ 1.
        learning_rate: mlp: step size of Adam, > 0.
        steps: mlp: steps of Adam per block, ≥ 1.
        terms: weight of each term in the error by its name, ≥ 0; all of `terms.NAMES`, and 0 disables one.
        start_up: first events, ≥ 1, that get no verdict and are not counted for the threshold.
        percentile: percentage of normal events that stay below the threshold, above 0 and below 100.
        false_alarms_per_day: flagged events per vehicle in 24 hours of sending, > 0; replaces `percentile`
            unless it is ``None``.
        threshold_memory: events after which an error has faded from the threshold, ≥ 1.
        threshold_prior: weight of the fleet's errors in a vehicle's threshold, in events of the vehicle, > 0.
        accept_after: seconds of uninterrupted anomaly after which it is learned as a new normal, ≥ 0; sooner
            while little is known.

    Raises:
        ValueError: there is no such reconstructor, or a term is unknown or has no weight.
    """

    vehicles: int = 10_000
    window: int = 10
    hold: float = 5.0
    learn_every: int = 1024
    memory: int = 100_000
    prior: float = 20.0
    reconstructor: Reconstructor = "linear"
    ridge: float = 0.001
    hidden: int = 8
    learning_rate: float = 0.005
    steps: int = 4
    # A plain dict, unlike a read-only view of one, can be pickled; it has no hash.
    terms: Mapping[str, float] = field(default_factory=lambda: dict(TERMS), hash=False)
    start_up: int = 100
    percentile: float = 99.5
    false_alarms_per_day: float | None = None
    threshold_memory: int = 10_000
    threshold_prior: float = 400.0
    accept_after: float = 300.0

    def __post_init__(self) -> None:
        if self.reconstructor not in get_args(Reconstructor):
            names = " or ".join(get_args(Reconstructor))
            raise ValueError(f"reconstructor: expected {names}, got {self.reconstructor!r}")
        if set(self.terms) != set(terms.NAMES):
            raise ValueError(
                f"terms: expected a weight for each of {', '.join(terms.NAMES)}, "
                f"got {', '.join(self.terms) or 'none'}"
            )
