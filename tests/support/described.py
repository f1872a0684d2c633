"""Samples of made-up telemetry, and what is proposed for them."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Sequence
from typing import Any

from config.settings import SCORED_ROLES
from dataflows.describe import Sample, propose, toml_of
from tests.support.paths import REPOSITORY

CASES = REPOSITORY / "tests" / "data" / "cases"
START = 1_785_000_000
"""Seconds since 1970, in July 2026: when the first of `drive` is."""


def drive(events: int = 200) -> list[dict[str, Any]]:
    """A drive as records without an id: ``{"ts": seconds, "speed": km/h, "rpm": 1/min, "coolant": °C}``."""
    return [
        {
            "ts": START + second,
            "speed": round(60 + 20 * math.sin(second / 15), 1),
            "rpm": round(1800 + 600 * math.sin(second / 15) + second % 7),
            "coolant": round(80 + 5 * math.sin(second / 40), 1),
        }
        for second in range(events)
    ]


def sample_of(messages: Sequence[Any], topics: Sequence[str] | str | None = None, **update: Any) -> Sample:
    """Messages as a sample, a second apart.

    Args:
        messages: JSON values, or payloads as bytes.
        topics: one for all, or one each; ``None`` for a file that has none.
        update: other attributes of the sample.
    """
    count = len(messages)
    payloads = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in messages]
    of_each = [topics or "trip"] * count if topics is None or isinstance(topics, str) else list(topics)
    values: dict[str, Any] = {
        "payloads": payloads,
        "topics": of_each,
        "arrived": [(START + number) * 1_000_000 for number in range(count)],
        "keys": [""] * count,
        "source": "file",
        "name": "trip.jsonl",
        "has_topics": topics is not None,
    }
    return Sample(**(values | update))


def proposed(sample: Sample) -> dict[str, Any]:
    """The proposed file, read as TOML."""
    return tomllib.loads(toml_of(propose(sample)))


def pointers(settings: dict[str, Any], *, scored: bool = True) -> list[str]:
    """Pointers of the signals that are scored, as targets or as context, or are not."""
    return [
        signal["pointer"]
        for signal in settings["signals"].values()
        if (signal.get("role", "target") in SCORED_ROLES) is scored
    ]
