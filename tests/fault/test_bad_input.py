"""Bad input through the whole job: it becomes dead letters, byte for byte, and no good event is affected."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from bytewax.errors import BytewaxRuntimeError
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSource, run_main
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from config.errors import DeadLetterLimitError
from config.settings import DEFAULT_FILE, Settings, SinkSettings, load
from dataflows.decode import Decoder
from dataflows.events import DeadLetter, Enriched
from dataflows.fleet import build
from dataflows.messages import MessageBatch
from tests.support.bad_input import BAD, EVENT, MISSING, NUMBERS, ODD, OTHER_TOPICS, WRONG_TYPES, spoilt
from tests.support.telemetry import batches, quick, telemetry

EVERY_BATCH = timedelta(0)

BAD_BUT_JSON = {
    **MISSING,
    **WRONG_TYPES,
    **NUMBERS,
    **{name: BAD[name] for name in ("null", "a boolean", "a number", "an envelope", "another spelling")},
    **{name: OTHER_TOPICS[name] for name in ("a dead letter", "a fault of the simulator")},
}
"""Bad events that do not keep the list or map around them from being read."""


def job(results: Path, layout: str = "event", **payload: Any) -> Settings:
    """Settings of a job that writes to this directory."""
    base = load(DEFAULT_FILE)
    results.mkdir(exist_ok=True)
    return quick(
        base,
        sink=SinkSettings(kind="recording"),
        recording=base.recording.model_copy(update={"results": results}),
        payload=base.payload.model_copy(update={"layout": layout, **payload}),
    )


def run(settings: Settings, payloads: Sequence[bytes], size: int = 40) -> None:
    run_main(build(settings, TestingSource(batches(list(payloads), size))))


def lines(settings: Settings, name: str, kind: type[Any]) -> list[Any]:
    file = settings.recording.results / f"{name}.jsonl"
    return (
        [msgspec.json.decode(line, type=kind) for line in file.read_bytes().splitlines()]
        if file.exists()
        else []
    )


def letters(settings: Settings) -> list[DeadLetter]:
    return lines(settings, "dead-letter", DeadLetter)


def scored(settings: Settings, **forget: Any) -> dict[str, list[bytes]]:
    """Vehicle → its enriched events in order, without event ids and times of scoring, which differ."""
    events: list[Enriched] = lines(settings, "enriched", Enriched)
    by_vehicle: dict[str, list[bytes]] = defaultdict(list)
    for event in events:
        same = msgspec.structs.replace(event, event_id="", processed_at=events[0].ts, **forget)
        by_vehicle[event.vehicle_id].append(msgspec.json.encode(same))
    return by_vehicle


def mixed(good: Sequence[bytes], bad: Sequence[bytes], seed: int) -> tuple[list[bytes], list[int]]:
    """Both in one stream, the bad ones shuffled and at random places; returns the places too."""
    random = np.random.default_rng(seed)
    total = len(good) + len(bad)
    places = sorted(random.choice(total, len(bad), replace=False).tolist())
    shuffled = iter([bad[index] for index in random.permutation(len(bad))])
    rest = iter(good)
    at = set(places)
    return [next(shuffled) if place in at else next(rest) for place in range(total)], places


def assert_letters_are(settings: Settings, stream: Sequence[bytes], places: Sequence[int]) -> None:
    """The dead letters are exactly these messages, in order, byte for byte as far as they are kept."""
    kept = settings.payload.max_bytes
    found = letters(settings)
    assert [letter.offset for letter in found] == list(places)
    assert [letter.payload for letter in found] == [stream[place][:kept] for place in places]
    lengths = [len(stream[place]) for place in places]
    assert [letter.length for letter in found] == [length if length > kept else None for length in lengths]
    assert all(letter.reason and "\n" not in letter.reason for letter in found)


@pytest.mark.parametrize("seed", range(3))
def test_bad_messages_of_every_kind_become_dead_letters_and_change_no_score(
    tmp_path: Path, seed: int
) -> None:
    good = telemetry(400)
    stream, places = mixed(good, list(BAD.values()), seed)
    clean, dirty = job(tmp_path / "clean"), job(tmp_path / "dirty")
    run(clean, good)
    run(dirty, stream)
    assert_letters_are(dirty, stream, places)
    assert scored(dirty) == scored(clean)
    assert sum(map(len, scored(clean).values())) == 400


def test_bad_messages_before_the_first_good_one_change_no_score(tmp_path: Path) -> None:
    good, bad = (
        telemetry(200),
        [BAD["cut off"], BAD["latin-1"], BAD["a list where an event is expected"]] * 30,
    )
    clean, dirty = job(tmp_path / "clean"), job(tmp_path / "dirty")
    run(clean, good)
    run(dirty, [*bad, *good])
    assert_letters_are(dirty, bad, range(len(bad)))
    assert scored(dirty) == scored(clean)


@hypothesis_settings(max_examples=25, deadline=None)
@given(data=st.data())
@pytest.mark.long
def test_whatever_happens_to_payloads_in_transit_good_events_keep_their_scores(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    good = telemetry(120)
    victims = data.draw(st.lists(st.sampled_from(good), min_size=1, max_size=12))
    attempts = [data.draw(spoilt(victim)) for victim in victims]
    settings = job(tmp_path_factory.mktemp("dirty"))
    decoder = Decoder(settings.payload, settings.signals)
    bad = [payload for payload in attempts if decoder.decode(batches([payload], 1)[0]).bad.all()]
    for payload in set(attempts) - set(bad):
        assert isinstance(json.loads(payload), dict)
    stream, places = mixed(good, bad, data.draw(st.integers(0, 99)))
    clean = job(tmp_path_factory.mktemp("clean"))
    run(clean, good)
    run(settings, stream)
    assert_letters_are(settings, stream, places)
    assert scored(settings) == scored(clean)


def test_odd_events_are_scored_like_the_plain_events_that_they_mean(tmp_path: Path) -> None:
    good = telemetry(400)
    streams: list[list[bytes]] = []
    for which in (0, 1):
        stream = list(good)
        for number, pair in enumerate(ODD.values()):
            # In front of the vehicle's next event, between two of its times.
            place = 1 + 4 * (40 + 3 * number)
            moment = msgspec.json.decode(good[place - 4])["ts"].replace("+00:00", ".5Z").encode()
            stream[place] = pair[which].replace(b"2026-01-01T00:00:07Z", moment)
        streams.append(stream)
    odd, plain = job(tmp_path / "odd"), job(tmp_path / "plain")
    run(odd, streams[0])
    run(plain, streams[1])
    assert not letters(odd)
    nothing = b"null"
    assert scored(odd, telemetry=nothing) == scored(plain, telemetry=nothing)
    assert streams[0] != streams[1]


# Lists and maps


def in_list(events: Sequence[bytes]) -> bytes:
    return b"[" + b",".join(events) + b"]"


def in_map(events: Sequence[bytes]) -> bytes:
    return b"{" + b",".join(b'"%d":%b' % (key, event) for key, event in enumerate(events)) + b"}"


LAYOUTS = {"list": in_list, "map": in_map}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_bad_events_in_lists_and_maps_become_dead_letters_and_leave_the_others_alone(
    tmp_path: Path, layout: str
) -> None:
    good = telemetry(400)
    stream, places = mixed(good, list(BAD_BUT_JSON.values()), seed=1)
    wrap = LAYOUTS[layout]
    clean, dirty = job(tmp_path / "clean", layout), job(tmp_path / "dirty", layout)
    run(clean, [wrap(good[start : start + 20]) for start in range(0, len(good), 20)])
    run(dirty, [wrap(stream[start : start + 20]) for start in range(0, len(stream), 20)], size=3)
    assert [letter.payload for letter in letters(dirty)] == [stream[place] for place in places]
    assert [letter.offset for letter in letters(dirty)] == [place // 20 for place in places]
    assert scored(dirty) == scored(clean)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_messages_that_are_not_a_list_or_map_become_whole_dead_letters(tmp_path: Path, layout: str) -> None:
    wrap, good = LAYOUTS[layout], telemetry(400)
    messages = [wrap(good[start : start + 10]) for start in range(0, len(good), 10)]
    other = in_list([EVENT]) if layout == "map" else EVENT
    bad = [
        *(payload for name, payload in BAD.items() if payload[:1] not in (b"{", b"[") or name == "cut off"),
        *(other, wrap([EVENT, BAD["cut off"]]), wrap([BAD["latin-1"], EVENT]), wrap([BAD["nested arrays"]])),
        *(wrap([EVENT])[:-1], wrap([EVENT]) + wrap([EVENT]), wrap([EVENT]).ljust(10_000_000)),
    ]
    stream, places = mixed(messages, bad, seed=2)
    clean, dirty = job(tmp_path / "clean", layout), job(tmp_path / "dirty", layout)
    run(clean, messages)
    run(dirty, stream, size=7)
    assert_letters_are(dirty, stream, places)
    assert scored(dirty) == scored(clean)


# Too many


@pytest.mark.parametrize(
    ("layout", "message", "reason"),
    [
        ("event", BAD["no json"], "expected JSON, got 19 bytes that are not JSON"),
        ("event", in_list([EVENT]), "expected a JSON object for an event, got an array"),
        ("event", in_map([EVENT]), "expected the vehicle id at /vehicle_id, got none"),
        ("list", EVENT, "expected a JSON array of events, as payload.layout is 'list', got an object"),
        ("map", in_list([EVENT]), "expected a JSON object of events, as payload.layout is 'map', got "),
        ("map", EVENT, "expected a JSON object for an event, got the "),
    ],
)
def test_when_all_input_is_bad_the_job_stops_with_a_one_line_error_and_keeps_what_it_had_accepted(
    tmp_path: Path, layout: str, message: bytes, reason: str
) -> None:
    settings = job(tmp_path, layout)
    error = stopped(settings, [message] * 1000)
    assert "\n" not in str(error)
    assert "events in a row could not be decoded, more than the tolerated 500" in str(error)
    assert reason in str(error)
    assert not scored(settings)
    accepted = letters(settings)
    assert len(accepted) > 400
    assert all(letter.reason.startswith(reason) for letter in accepted)


def stopped(settings: Settings, payloads: Sequence[bytes], **arguments: Any) -> DeadLetterLimitError:
    """Run the job until it stops because of too many dead letters; return its error."""
    with pytest.raises(BytewaxRuntimeError) as caught:
        run_main(build(settings, TestingSource(batches(list(payloads), 40))), **arguments)
    error: BaseException | None = caught.value
    while error is not None and not isinstance(error, DeadLetterLimitError):
        error = error.__cause__
    assert error is not None
    return error


def test_a_job_that_stopped_at_a_wrong_layout_and_is_corrected_loses_nothing(tmp_path: Path) -> None:
    good = [in_list([event]) for event in telemetry(1000)]
    recovery = tmp_path / "recovery"
    recovery.mkdir()
    init_db_dir(recovery, 1)
    durable: Mapping[str, Any] = {
        "epoch_interval": EVERY_BATCH,
        "recovery_config": RecoveryConfig(str(recovery)),
    }
    wrong, right = job(tmp_path / "results"), job(tmp_path / "results", "list")
    stopped(wrong, good, **durable)
    run_main(build(right, TestingSource(batches(good, 40))), **durable)
    bad = {letter.offset for letter in letters(right)}
    events = {int(event.event_id.split(":")[1]) for event in lines(right, "enriched", Enriched)}
    assert bad
    assert events
    assert bad | events == set(range(1000))


def test_more_bad_than_good_events_stop_the_job_even_if_no_run_is_long(tmp_path: Path) -> None:
    settings = job(tmp_path)
    good = telemetry(800)
    stream, _ = mixed(good, [BAD["cut off"]] * 1000, seed=3)
    error = stopped(settings, stream)
    assert "of the last 1000 events could not be decoded, more than the tolerated 50.0%" in str(error)
    assert all(letter.payload == BAD["cut off"] for letter in letters(settings))
    assert len(letters(settings)) + sum(map(len, scored(settings).values())) >= 960


# Wrong topics


def test_messages_of_a_topic_that_names_no_vehicle_become_dead_letters_that_name_the_topic(
    tmp_path: Path,
) -> None:
    settings = job(tmp_path, vehicle_id="topic")
    good = telemetry(100)
    parts = batches(good, 100)
    parts[0].topics[:] = [f"cars/{msgspec.json.decode(payload)['vehicle_id']}" for payload in good]
    strays = ["cars/", "", "/"]
    stray = MessageBatch([EVENT] * 3, strays, [0] * 3, "test", offsets=[100, 101, 102])
    run_main(build(settings, TestingSource([*parts, stray])))
    assert [letter.topic for letter in letters(settings)] == strays
    assert set(scored(settings)) == {f"VEH-{number}" for number in range(4)}


def test_scored_events_that_come_back_as_telemetry_become_dead_letters_and_change_no_score(
    tmp_path: Path,
) -> None:
    good = telemetry(400)
    clean, loop = job(tmp_path / "clean"), job(tmp_path / "loop")
    run(clean, good)
    enriched = {
        (event.vehicle_id, event.ts): msgspec.json.encode(event)
        for event in lines(clean, "enriched", Enriched)
    }
    echoed = []
    for payload in good:
        fields = msgspec.json.decode(payload)
        key = (fields["vehicle_id"], msgspec.convert(fields["ts"], type(next(iter(enriched))[1])))
        echoed += [payload, enriched[key]]
    run(loop, echoed)
    assert scored(loop) == scored(clean)
    assert [letter.payload for letter in letters(loop)] == echoed[1::2]
    assert "got an enriched event" in letters(loop)[0].reason
