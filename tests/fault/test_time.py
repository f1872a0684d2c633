"""Wrong clocks, and events that arrive twice, late or out of order: who is affected, and who is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from bytewax.testing import TestingSource, run_main

from config.settings import DEFAULT_FILE, Settings, SinkSettings, load
from dataflows.decode import Decoder
from dataflows.detector.arrival import SET_BACK_AFTER, SET_RIGHT_AFTER
from dataflows.events import DeadLetter, Enriched
from dataflows.fleet import build
from dataflows.score.scorer import ShardScorer
from dataflows.stored_state import SHARD
from tests.support.telemetry import START, quick, telemetry, without_offsets

VEHICLES = 4
SKEWED = "VEH-2"
EVENTS = 700
"""Per vehicle, one a second."""

SKEWS = {
    "an hour ahead": timedelta(hours=1),
    "an hour behind": timedelta(hours=-1),
    "a day ahead": timedelta(days=1),
    "a day behind": timedelta(days=-1),
    "in 1970": datetime(1970, 1, 1, tzinfo=UTC) - START,
    "in 2100": datetime(2100, 1, 1, tzinfo=UTC) - START,
}
AHEAD = {name: skew for name, skew in SKEWS.items() if skew > timedelta(0)}
BEHIND = {name: skew for name, skew in SKEWS.items() if skew < timedelta(0)}
NONE = timedelta(0)
PAUSE = timedelta(seconds=30)
"""Longer than `detector.hold`, so that nothing is held over it."""


def skews(of: dict[str, timedelta]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("skew", of.values(), ids=of.keys())


def settings(**detector: Any) -> Settings:
    """One shard, so that a vehicle affects every vehicle that it can affect."""
    base = quick(load(DEFAULT_FILE))
    return base.model_copy(update={"detector": base.detector.model_copy(update={"shards": 1, **detector})})


WINDOW = settings().detector.window
LATE_WRONG, LATE_RIGHT = SET_BACK_AFTER - 1, SET_RIGHT_AFTER - 1
"""Events that are late after a clock was set back: to a wrong time, or to the right one."""


def shifted(
    payloads: Iterable[bytes], skew: Callable[[int], timedelta | None], vehicle: str = SKEWED
) -> list[bytes]:
    """The stream with one vehicle's event times shifted, as by its clock.

    Args:
        payloads: as from `telemetry`.
        skew: number of the vehicle's event → how far its clock is off; ``None`` if it is not sent.
        vehicle: the vehicle with that clock.
    """
    stream: list[bytes] = []
    number = 0
    for payload in payloads:
        fields = msgspec.json.decode(payload)
        if fields["vehicle_id"] == vehicle:
            off = skew(number)
            number += 1
            if off is None:
                continue
            fields["ts"] = (datetime.fromisoformat(fields["ts"]) + off).isoformat()
        stream.append(msgspec.json.encode(fields))
    return stream


def scored(directory: Path, payloads: Sequence[bytes], base: Settings | None = None) -> list[Enriched]:
    """What the whole job makes of a stream, in arrival order."""
    directory.mkdir()
    base = base or settings()
    recording = base.recording.model_copy(update={"results": directory})
    job = base.model_copy(update={"sink": SinkSettings(kind="recording"), "recording": recording})
    run_main(build(job, TestingSource(without_offsets(payloads, 37))))
    assert not (directory / "dead-letter.jsonl").exists() or not lines(directory, "dead-letter", DeadLetter)
    return lines(directory, "enriched", Enriched)


def lines(directory: Path, name: str, kind: type[Any]) -> list[Any]:
    text = (directory / f"{name}.jsonl").read_bytes()
    return [msgspec.json.decode(line, type=kind) for line in text.splitlines()]


def of(events: Iterable[Enriched], vehicle: str = SKEWED) -> list[Enriched]:
    return [event for event in events if event.vehicle_id == vehicle]


def of_others(events: Iterable[Enriched]) -> list[bytes]:
    """The other vehicles' enriched events, except for when they were scored."""
    return [
        msgspec.json.encode(msgspec.structs.replace(event, processed_at=START))
        for event in events
        if event.vehicle_id != SKEWED
    ]


def timeless(events: Iterable[Enriched]) -> list[bytes]:
    """Enriched events except for their times and what repeats them."""
    nothing = b"null"
    return [
        msgspec.json.encode(
            msgspec.structs.replace(event, processed_at=START, ts=START, event_id="", telemetry=nothing)
        )
        for event in events
    ]


def statuses(events: Iterable[Enriched]) -> list[str]:
    return [event.status for event in events]


FLEET = telemetry(VEHICLES * EVENTS, VEHICLES)


def off_from_150(payloads: Iterable[bytes], skew: timedelta) -> list[bytes]:
    """The stream with the vehicle's clock wrong from its 150th event on."""
    return shifted(payloads, lambda number: skew if number >= 150 else NONE)


# A clock that is wrong


@skews(SKEWS)
def test_a_clock_that_is_always_wrong_changes_no_score_of_any_vehicle(
    tmp_path: Path, skew: timedelta
) -> None:
    right = scored(tmp_path / "right", FLEET)
    wrong = scored(tmp_path / "wrong", shifted(FLEET, lambda _: skew))
    assert of_others(wrong) == of_others(right)
    assert timeless(of(wrong)) == timeless(of(right))
    assert {event.ts - twin.ts for event, twin in zip(of(wrong), of(right), strict=True)} == {skew}


@skews(AHEAD)
def test_a_clock_that_jumps_ahead_has_no_more_effect_than_a_pause(tmp_path: Path, skew: timedelta) -> None:
    jumped = scored(tmp_path / "jumped", off_from_150(FLEET, skew))
    paused = scored(tmp_path / "paused", off_from_150(FLEET, PAUSE))
    assert of_others(jumped) == of_others(paused)
    assert timeless(of(jumped)) == timeless(of(paused))
    assert set(statuses(of(jumped)[100:])) == {"ok"}


@skews(BEHIND)
def test_a_clock_that_is_set_back_costs_the_vehicle_a_few_late_events_and_the_others_nothing(
    tmp_path: Path, skew: timedelta
) -> None:
    def silent_then_pausing(number: int) -> timedelta | None:
        if 150 <= number < 150 + LATE_WRONG:
            return None
        return PAUSE if number >= 150 else NONE

    back = scored(tmp_path / "back", off_from_150(FLEET, skew))
    silent = scored(tmp_path / "silent", shifted(FLEET, silent_then_pausing))
    assert of_others(back) == of_others(silent)
    own = of(back)
    assert statuses(own[150:]) == ["late"] * LATE_WRONG + ["ok"] * (EVENTS - 150 - LATE_WRONG)
    errors, usual = ([event.reconstruction_error for event in run[-100:]] for run in (own, of(silent)))
    assert errors == usual


def test_after_a_clock_was_set_back_no_value_is_held_from_before(tmp_path: Path) -> None:
    payloads = list(FLEET)
    place = VEHICLES * (150 + LATE_WRONG) + 2
    payloads[place] = payloads[place].replace(b'"rpm":', b'"was":')
    # Only terms that depend on the value itself: how a signal has moved is known for a missing one, too.
    nothing = dict.fromkeys(("activity", "restless", "change", "flat_line"), 0.0)
    job = settings(terms=settings().detector.terms.model_copy(update=nothing))
    shares: list[float] = []
    for name, skew in (("straight", NONE), ("back", -timedelta(hours=1))):
        event = of(scored(tmp_path / name, off_from_150(payloads, skew), job))[150 + LATE_WRONG]
        assert event.status == ("ok" if name == "straight" else "partial")
        shares.append(event.contributions["rpm"])
    assert shares[0] > 0.0
    assert shares[1] == 0.0


@skews(SKEWS)
def test_a_vehicle_is_usable_again_once_its_clock_is_right(tmp_path: Path, skew: timedelta) -> None:
    events = scored(tmp_path / "out", shifted(FLEET, lambda number: skew if 100 <= number < 150 else NONE))
    own = of(events)
    late = LATE_RIGHT if skew > NONE else 50
    assert set(statuses(own[150 + LATE_RIGHT :])) == {"ok"}
    assert statuses(own).count("late") == late
    assert len(own) == EVENTS
    assert not any(event.status == "late" for event in events if event.vehicle_id != SKEWED)


@skews(BEHIND)
def test_one_event_from_the_past_is_late_and_changes_nothing_else(tmp_path: Path, skew: timedelta) -> None:
    once = scored(tmp_path / "once", shifted(FLEET, lambda number: skew if number == 150 else NONE))
    without = scored(tmp_path / "without", shifted(FLEET, lambda number: None if number == 150 else NONE))
    assert of_others(once) == of_others(without)
    own = of(once)
    assert own.pop(150).status == "late"
    assert timeless(own) == timeless(of(without))


@skews(AHEAD)
@pytest.mark.parametrize("wrong", [1, WINDOW])
@pytest.mark.parametrize("first", [0, pytest.param(150, marks=pytest.mark.long)])
def test_after_a_few_events_from_the_future_it_is_still_known_how_the_signals_move(
    tmp_path: Path, skew: timedelta, wrong: int, first: int
) -> None:
    payloads = list(FLEET)
    for number in range(200, EVENTS, 2):  # held, and so as well known as it was a second before
        place = VEHICLES * number + 2
        payloads[place] = payloads[place].replace(b'"rpm":', b'"was":')
    glitch = range(first, first + wrong)
    once = of(scored(tmp_path / "once", shifted(payloads, lambda n: skew if n in glitch else NONE)))
    without = of(scored(tmp_path / "without", shifted(payloads, lambda n: None if n in glitch else NONE)))
    errors, usual = (
        np.array([event.reconstruction_error for event in run[-100:]]) for run in (once, without)
    )
    # Not bit-identical: until the clock counts as corrected, its events are learned on their own values only.
    assert np.mean(np.abs(errors / usual - 1.0)) < 0.1
    assert statuses(once[-100:]) == statuses(without[-100:])


# Events that arrive twice


def again(
    payloads: Sequence[bytes], distance: int, share: float, seed: int = 0
) -> tuple[list[bytes], set[int]]:
    """The stream with some events sent again, `distance` events of their vehicle later.

    Returns:
        The stream, and the positions of the repeated events.
    """
    random = np.random.default_rng(seed)
    chosen = np.flatnonzero(random.random(len(payloads)) < share)
    after: dict[int, list[bytes]] = {}
    for place in chosen.tolist():
        after.setdefault(min(place + distance * VEHICLES, len(payloads) - 1), []).append(payloads[place])
    stream: list[bytes] = []
    places: set[int] = set()
    for place, payload in enumerate(payloads):
        stream.append(payload)
        for repeated in after.get(place, []):
            places.add(len(stream))
            stream.append(repeated)
    return stream, places


def learned_state(payloads: Sequence[bytes]) -> bytes:
    """Everything that a shard has learned from a stream, and its window of the vehicles' events."""
    base = settings()
    scorer = ShardScorer(base)
    decoder = Decoder(base.payload, base.signals)
    for batch in without_offsets(payloads, 50):
        scorer.score(decoder.decode(batch).telemetry)
    state = SHARD.unwrap(scorer.snapshot())
    del state["detector"]["vehicle_slots"]  # a vehicle that repeats events is not silent
    for counted in ("behind", "behind_at"):  # consecutive late events
        del state["detector"]["parts"]["window"][counted]
    return msgspec.json.encode(state, enc_hook=np.ndarray.tolist)


@pytest.mark.parametrize("distance", [0, 1, WINDOW - 1])
def test_a_tenth_of_the_events_sent_twice_within_the_window_changes_nothing(
    tmp_path: Path, distance: int
) -> None:
    stream, places = again(FLEET[: -WINDOW * VEHICLES], distance, 0.1)
    tail = FLEET[-WINDOW * VEHICLES :]
    assert len(places) > 80
    once, twice = scored(tmp_path / "once", FLEET), scored(tmp_path / "twice", [*stream, *tail])
    assert all_but_when(twice) == all_but_when(once)


def all_but_when(events: Iterable[Enriched]) -> list[bytes]:
    same = (msgspec.structs.replace(event, processed_at=START) for event in events)
    return [msgspec.json.encode(event) for event in same]


@pytest.mark.parametrize("distance", [WINDOW, WINDOW + 1, 50])
def test_a_tenth_of_the_events_sent_again_beyond_the_window_is_late_and_changes_nothing(
    tmp_path: Path, distance: int
) -> None:
    body, tail = FLEET[: -50 * VEHICLES], FLEET[-50 * VEHICLES :]
    stream, _ = again([*body, *tail], distance, 0.1)
    once, again_ = scored(tmp_path / "once", FLEET), scored(tmp_path / "again", stream)
    late = [event for event in again_ if event.status == "late"]
    assert len(late) > 80
    assert {event.event_id for event in late} <= {event.event_id for event in once}
    rest = [event for event in again_ if event.status != "late"]
    assert all_but_when(rest) == all_but_when(once)


@pytest.mark.parametrize("distance", [0, 1, WINDOW - 1, WINDOW, 50])
def test_events_sent_twice_are_learned_once(distance: int) -> None:
    stream, _ = again(FLEET[:-200], distance, 0.1)
    assert learned_state([*stream, *FLEET[-200:]]) == learned_state(FLEET)


def test_a_burst_of_old_events_sent_again_changes_nothing(tmp_path: Path) -> None:
    own = [payload for payload in FLEET if SKEWED.encode() in payload]
    place = FLEET.index(own[200])
    burst = [*FLEET[:place], *own[50 : 50 + LATE_RIGHT + 100], *FLEET[place:]]
    once, again_ = scored(tmp_path / "once", FLEET), scored(tmp_path / "again", burst)
    late = [event for event in again_ if event.status == "late"]
    assert [bytes(event.telemetry) for event in late] == own[50 : 50 + LATE_RIGHT + 100]
    assert all_but_when([event for event in again_ if event.status != "late"]) == all_but_when(once)


# Late and out of order


def delayed(payloads: Sequence[bytes], by: int, every: int) -> tuple[list[bytes], list[int]]:
    """The stream with every `every`-th event of the skewed vehicle delayed by `by` of its events.

    Returns:
        The stream, and the positions of the delayed events among the vehicle's.
    """
    own = [payload for payload in payloads if SKEWED.encode() in payload]
    numbers = list(range(150, len(own) - by, every))
    order = [number for number in range(len(own)) if number not in numbers]
    for number in numbers:
        order.insert(order.index(number + by) + 1, number)
    arriving = iter(order)
    return [own[next(arriving)] if SKEWED.encode() in payload else payload for payload in payloads], numbers


@pytest.mark.parametrize("by", [1, 2, WINDOW - 1])
def test_events_out_of_order_within_the_window_are_learned_and_smoothed_in_event_order(
    tmp_path: Path, by: int
) -> None:
    stream, numbers = delayed(FLEET, by, every=10)
    mixed, straight = scored(tmp_path / "mixed", stream), scored(tmp_path / "straight", FLEET)
    assert [event.model_version for event in mixed] == [event.model_version for event in straight]
    assert set(statuses(mixed[VEHICLES * 100 :])) == {"ok"}
    own = of(mixed)
    assert len({event.event_id for event in own}) == EVENTS
    errors = [event.reconstruction_error for event in sorted(own, key=lambda event: event.ts)]
    smoothed = {event.event_id: event.reconstruction_error_smoothed for event in own}
    by_time = sorted(own, key=lambda event: event.ts)
    for number in numbers:
        window = errors[number - (WINDOW - by) : number + 1]
        assert smoothed[by_time[number].event_id] == pytest.approx(np.mean(window))
        after = errors[number + by + 1 - (WINDOW - 1) : number + by + 2]
        assert smoothed[by_time[number + by + 1].event_id] == pytest.approx(np.mean(after))


@pytest.mark.parametrize("by", [1, WINDOW - 1])
def test_an_event_out_of_order_is_scored_on_its_own_values_and_nothing_is_held_for_it(
    tmp_path: Path, by: int
) -> None:
    stream, numbers = delayed(FLEET, by, every=10)
    own = [json for json in FLEET if SKEWED.encode() in json]
    lacking = own[numbers[0]].replace(b'"rpm":', b'"was":')
    stream[stream.index(own[numbers[0]])] = lacking
    event = next(event for event in of(scored(tmp_path / "out", stream)) if bytes(event.telemetry) == lacking)
    assert event.status == "partial"
    assert event.contributions["rpm"] == 0.0


@pytest.mark.parametrize("by", [WINDOW, WINDOW + 1, 40])
def test_events_older_than_the_window_are_marked_late_scored_and_not_learned(tmp_path: Path, by: int) -> None:
    stream, numbers = delayed(FLEET, by, every=7)
    own = [payload for payload in FLEET if SKEWED.encode() in payload]
    missed = {own[number] for number in numbers}
    with_late = scored(tmp_path / "late", stream)
    never = scored(tmp_path / "never", [payload for payload in stream if payload not in missed])
    late = [event for event in with_late if event.status == "late"]
    assert {bytes(event.telemetry) for event in late} == missed
    assert all(event.anomaly_threshold for event in late)
    assert any(event.reconstruction_error > 0 for event in late)
    rest = [event for event in with_late if event.status != "late"]
    assert all_but_when(rest) == all_but_when(never)
