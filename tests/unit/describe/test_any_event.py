"""Whatever flat events come, what is proposed for them can be loaded and decodes every one of them."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import assume, example, given
from hypothesis import strategies as st

from config.errors import RecordingError
from config.settings import load
from dataflows.decode import Decoder
from dataflows.describe import Sample, propose, toml_of
from tests.support.described import START, sample_of

NAMES = st.one_of(
    st.sampled_from(
        ["speed", "rpm", "ts", "time", "vin", "id", "lat", "lon", "n", "label", "value", "name", "Date"]
    ),
    st.text(max_size=12),
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.sampled_from(
        ["12,5", "61 km/h", "n/a", "TRUE", "2026-07-25T17:20:00Z", "25.07.2026", "17:20:00", "1.2.3"]
    ),
    st.integers(START, START + 1000),
    st.integers(START * 1000, START * 1000 + 1000),
)


@st.composite
def flat_events(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Events of the same fields, each of which has values of one kind or of any."""
    names = draw(st.lists(NAMES, min_size=1, max_size=6, unique=True))
    kinds = [draw(st.sampled_from([VALUES, st.floats(-1e6, 1e6), st.integers(0, 9)])) for _ in names]
    return [
        {name: draw(kind) for name, kind in zip(names, kinds, strict=True)}
        for _ in range(draw(st.integers(1, 12)))
    ]


def proposal_or_refusal(sample: Sample) -> str:
    """What is proposed; empty if the sample is refused in one line."""
    refusal = ""
    try:
        return toml_of(propose(sample))
    except RecordingError as error:
        refusal = str(error)
    assert len(refusal.splitlines()) == 1
    return ""


@given(flat_events())
@example([{"n": False, "rpm": 0.0}, {"n": 1, "rpm": 0.0}])
@example([{"Date": False, "rpm": 0.5}, {"Date": 0, "rpm": 0.5}, {"Date": True, "rpm": 0.0}])
@example([{"vin": "\x1b", "speed": 3.5}])
def test_a_proposal_can_be_loaded_and_decodes_every_event(events: list[dict[str, Any]]) -> None:
    sample = sample_of(events)
    toml = proposal_or_refusal(sample)
    assume(toml)
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "mine.toml")
        file.write_text(toml, encoding="utf-8")
        settings = load(file)
    decoded = Decoder.of(settings).decode(sample.batch())
    needed = [settings.payload.vehicle_id, settings.payload.time]
    has_gaps = any(
        event.get(pointer[1:].replace("~1", "/").replace("~0", "~")) in (None, "")
        for event in events
        for pointer in needed
        if isinstance(pointer, str) and pointer.startswith("/")
    )
    assert len(decoded.telemetry) + len(decoded.dead_letters) == len(events), json.dumps(events)
    if not has_gaps:
        assert decoded.dead_letters == []


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=8))
def test_any_bytes_give_a_proposal_or_a_refusal_of_one_line(payloads: list[bytes]) -> None:
    assert proposal_or_refusal(sample_of(payloads)) is not None


@given(
    st.recursive(
        VALUES, lambda below: st.lists(below, max_size=4) | st.dictionaries(NAMES, below, max_size=4)
    )
)
def test_any_json_gives_a_proposal_or_a_refusal_of_one_line(value: Any) -> None:
    assert proposal_or_refusal(sample_of([value] * 3, "cars/v1/telemetry")) is not None
