"""Alerts in words."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta

import pytest

from dataflows.events import Alert, Comment, Severity
from tests.support.enriched_events import START
from tests.support.paths import REPOSITORY
from tests.support.shown_alerts import alert, cleared
from ui import palette
from ui.actions.action_desk import SentAction
from ui.alerts.alert_words import (
    ANSWER_WITHIN,
    WHOLE_FLEET,
    describe_group,
    describe_state,
    describe_states,
    fault,
    sentence,
    sentence_and_rarity,
    since,
    vehicle_of,
)

NOW = START.timestamp()
SAID = Comment(by="Kim", at=START, text="hot")


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (alert(), "open"),
        (alert(acknowledged_by="Kim"), "acknowledged by Kim"),
        (
            alert(acknowledged_by="Kim", muted_until=START + timedelta(hours=1), mute_reason="in repair"),
            "muted until 2026-01-01 13:00:00: in repair",
        ),
        (alert(muted_until=START - timedelta(hours=1), mute_reason="in repair"), "open"),
        (cleared(acknowledged_by="Kim"), "cleared 2026-01-01 12:01:00"),
        (alert(useful=True, comments=(SAID,)), "open · useful · 1 comment"),
        (alert(useful=False, comments=(SAID, SAID)), "open · noise · 2 comments"),
    ],
)
def test_the_state_of_an_alert_is_what_matters_most_and_what_people_said(shown: Alert, words: str) -> None:
    assert describe_state(shown, None, NOW, UTC) == words


def test_what_was_sent_is_shown_and_that_nobody_has_answered() -> None:
    sent = SentAction("acknowledge", 1, NOW)
    assert describe_state(alert(), sent, NOW + 1.0, UTC) == "open · acknowledge sent"
    late = describe_state(alert(), sent, NOW + 4 * ANSWER_WITHIN, UTC)
    assert late == "open · acknowledge sent 2 min ago, no answer"


def test_an_alert_began_at_its_onset() -> None:
    assert since([alert()], UTC) == "2026-01-01 11:59:55"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("anomaly", "anomaly of engine temperature"),
        ("limit", "engine temperature outside its limits"),
        ("missing", "engine temperature missing"),
        ("silent", "no data"),
    ],
)
def test_what_is_wrong_is_said_in_a_few_words(kind: str, words: str) -> None:
    assert fault(alert(kind=kind)) == words


def test_a_group_says_what_its_alerts_have_in_common_and_the_sentence_of_the_most_urgent() -> None:
    group = [alert("VEH-1", summary="it is hot"), alert("VEH-2", summary="it is warm")]
    assert describe_group(group) == "Anomaly of engine temperature · VEH-1: it is hot"


def test_a_group_has_no_room_for_how_rare_one_of_its_alerts_is() -> None:
    group = [alert("VEH-1", summary="it is hot, since 12:00:01 UTC; seen once in about 40,000 events")]
    assert describe_group(group) == "Anomaly of engine temperature · VEH-1: it is hot"


@pytest.mark.parametrize(
    ("summary", "words"),
    [
        ("It is hot, since 12:00:01 UTC; seen once", "It is hot; seen once"),
        ("Fuel is missing since 12:00:01 UTC, though it is sent", "Fuel is missing, though it is sent"),
        ("No data since 12:00:01 UTC", "No data"),
        ("It has been hot since Monday", "It has been hot since Monday"),
    ],
)
def test_the_sentence_beside_the_time_does_not_repeat_it_in_another_time_zone(
    summary: str, words: str
) -> None:
    assert sentence(alert(summary=summary)) == words


def test_the_state_of_a_group_is_how_many_alerts_are_in_which_state() -> None:
    group = [alert("VEH-1"), alert("VEH-2", acknowledged_by="Kim"), alert("VEH-3")]
    muted = alert("VEH-4", muted_until=START + timedelta(hours=1))
    sent = {"VEH-3": SentAction("acknowledge", 1, NOW)}

    def described(*alerts: Alert) -> str:
        return describe_states(alerts, lambda each: sent.get(each.vehicle_id), NOW, UTC)

    assert described(*group) == "2 open · 1 acknowledged · 1 acknowledge sent"
    assert described(muted, cleared("VEH-5")) == "1 muted · 1 cleared"
    assert described(cleared("VEH-6"), cleared("VEH-7", 60)) == "2 cleared, the last 2026-01-01 12:02:00"


def test_a_group_began_with_its_first_alert() -> None:
    group = [alert("VEH-2", 60), cleared("VEH-1"), cleared("VEH-3", 120)]
    assert since(group, UTC) == "2026-01-01 11:59:55"


def test_times_of_today_need_no_date() -> None:
    now = datetime.now(UTC)
    assert since([alert(onset_at=now, opened_at=now)], UTC) == f"{now:%H:%M:%S}"


@pytest.mark.parametrize(
    ("summary", "parts"),
    [
        (
            "Fuel is too low: 3%, expected 50%, since 12:00:00 UTC; seen once in about 40,000 events",
            ("Fuel is too low: 3%, expected 50%", "seen once in about 40,000 events"),
        ),
        ("No data since 12:00:00 UTC", ("No data", "")),
    ],
)
def test_how_rare_something_is_stands_apart_from_what_it_is(summary: str, parts: tuple[str, str]) -> None:
    assert sentence_and_rarity(alert(summary=summary)) == parts


def test_an_alert_without_a_vehicle_is_about_the_whole_fleet() -> None:
    assert vehicle_of(alert("")) == WHOLE_FLEET
    assert vehicle_of(alert("VEH-1")) == "VEH-1"


@pytest.mark.parametrize(
    ("theme", "colours"), [("light", palette.SEVERITY), ("dark", palette.SEVERITY_ON_DARK)]
)
def test_the_colours_of_severities_can_be_read_and_told_apart_without_seeing_red_or_green(
    theme: str, colours: dict[Severity, tuple[str, str]]
) -> None:
    page = background_of(theme)
    stands_out = {}
    for severity, (background, text) in colours.items():
        assert contrast(background, text) >= 4.5, "WCAG 2.2, 1.4.3"
        stands_out[severity] = contrast(page, background)
    assert stands_out["critical"] > 1.5 * stands_out["major"] > 1.5 * 1.2 * stands_out["minor"]
    assert stands_out["warning"] < 1.5, "it is the least of them"
    red, _, blue = channels(colours["warning"][0])
    yellow_red, _, yellow_blue = channels(colours["minor"][0])
    assert blue > red
    assert yellow_red > yellow_blue


def background_of(theme: str) -> str:
    settings = tomllib.loads((REPOSITORY / "ui" / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    return str(settings["theme"][theme]["backgroundColor"])


def contrast(one: str, other: str) -> float:
    """Contrast ratio, 1–21 (WCAG 2.2)."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def channels(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    return red, green, blue


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
