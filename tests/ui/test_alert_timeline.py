"""What happened to an alert, from its revisions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from dataflows.events import Alert, Comment
from tests.support.enriched_events import START
from tests.support.shown_alerts import alert
from ui.alerts.timeline import Span, spans_of, steps_of

OPENED = alert(severity="minor")
BEGAN = OPENED.onset_at


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def after(before: Alert, seconds: float, **changes: Any) -> Alert:
    """The next revision, published `seconds` after `START`."""
    times = {"changed_at": at(seconds), "last_at": at(seconds)}
    return replace(before, revision=before.revision + 1, **(times | changes))


WORSE = after(OPENED, 60, severity="major")
ACKNOWLEDGED = after(WORSE, 70, last_at=at(60), acknowledged_by="Kim", acknowledged_at=at(70))
CLEARED = after(ACKNOWLEDGED, 200, last_at=at(100), state="cleared", cleared_at=at(190))
AGAIN = after(CLEARED, 300, state="open", cleared_at=None, openings=2, opened_at=at(300))
LIFE = [OPENED, WORSE, ACKNOWLEDGED, CLEARED, AGAIN]


def words(*revisions: Alert) -> list[str]:
    return [step.words for step in steps_of(revisions, UTC)]


def test_every_step_of_an_alert_is_told_once_and_in_order() -> None:
    assert [(step.words, step.at) for step in steps_of(LIFE, UTC)] == [
        ("probably began", BEGAN),
        ("opened: minor", START),
        ("worse: minor → major", at(60)),
        ("acknowledged by Kim", at(70)),
        ("cleared", at(190)),
        ("opened again", at(300)),
    ]


def test_what_people_did_is_told_with_its_time() -> None:
    said = Comment(by="Kim", at=at(10), text="driver called")
    commented = after(OPENED, 10, comments=(said,))
    muted = after(commented, 20, muted_until=at(3600), mute_reason="in repair")
    unmuted = after(muted, 30, muted_until=None, mute_reason="")
    useful = after(unmuted, 40, useful=True)
    noise = after(useful, 50, useful=False)
    assert words(OPENED, commented, muted, unmuted, useful, noise)[2:] == [
        "Kim: driver called",
        "muted until 2026-01-01 13:00:00: in repair",
        "no longer muted",
        "called useful",
        "called noise",
    ]


def test_without_earlier_revisions_the_latest_one_tells_what_it_knows() -> None:
    said = Comment(by="Kim", at=at(320), text="towed")
    latest = after(AGAIN, 330, comments=(said,), useful=True)
    assert words(latest) == [
        "acknowledged by Kim",
        "opened for the 2nd time: major",
        "Kim: towed",
        "called useful",
    ]


def test_an_alert_was_open_from_its_beginning_to_its_clearing_and_as_bad_as_it_had_been() -> None:
    assert spans_of(LIFE, at(400).timestamp()) == [
        Span(BEGAN, at(60), "minor"),
        Span(at(60), at(190), "major"),
        Span(at(300), at(400), "major"),
    ]


def test_an_alert_that_has_cleared_no_longer_lasts() -> None:
    assert spans_of(LIFE[:4], at(4000).timestamp())[-1].end == at(190)
    assert spans_of([CLEARED], at(4000).timestamp()) == [Span(BEGAN, at(190), "major")]


def test_a_clearing_that_is_not_kept_ends_with_the_last_sign_of_the_fault() -> None:
    assert spans_of([WORSE, AGAIN], at(400).timestamp()) == [
        Span(BEGAN, at(60), "major"),
        Span(at(300), at(400), "major"),
    ]
