"""What each vehicle is, how many are what, and who is worst off."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from config.settings import load
from dataflows.events import Alert
from tests.support.enriched_events import START, payload
from tests.support.shown_alerts import alert, cleared
from tests.support.staged_page import StagedFeed
from ui.fleet.filters import TITLES, groups
from ui.fleet.overview import SHOWS, Overview, Show, overview_of
from ui.fleet.vehicle_list import ROWS, View, found, row_of, view_of, what

SETTINGS = load()
LATER = START + timedelta(hours=1)


@pytest.fixture
def feed() -> StagedFeed:
    """One vehicle of each kind."""
    feed = StagedFeed(SETTINGS)
    feed.state.record(payload("silent", error=9.0))
    feed.state.record(payload("lost"))
    feed.now += 30.0
    feed.state.record(payload("calm", error=0.2))
    feed.state.record(payload("uneasy", error=0.9))
    feed.state.record(payload("odd", error=3.0, measured={"engine_temperature": 131.0}))
    feed.state.record(payload("new", threshold=None))
    feed.state.record(payload("burning", error=0.4))
    feed.state.record(payload("known", error=0.4))
    feed.state.record(payload("muted", error=0.4))
    return feed


ALERTS = (
    alert("burning", severity="critical"),
    alert("burning", 1, severity="minor", subject="fuel"),
    alert("known", severity="major", acknowledged_by="Kim"),
    alert("muted", severity="critical", muted_until=LATER),
    alert("lost", severity="warning", kind="silent", subject="vehicle"),
    cleared("calm"),
    alert("", kind="silent", subject="fleet", severity="critical"),
    alert("elsewhere", severity="minor"),
)


def overview(feed: StagedFeed, alerts: Sequence[Alert] = ALERTS) -> Overview:
    feed.show(*alerts)
    return overview_of(feed.state.snapshot(), feed.alerts.snapshot(), SETTINGS)


def test_a_vehicle_has_the_tone_of_its_worst_alert_or_of_what_it_is(feed: StagedFeed) -> None:
    assert overview(feed).tones == {
        "silent": "silent",
        "lost": "warning",
        "calm": "ok",
        "uneasy": "ok",
        "odd": "ok",
        "new": "warming_up",
        "burning": "critical",
        "known": "major",
        "muted": "ok",
    }


def test_the_worst_come_first_and_silent_ones_without_an_alert_last(feed: StagedFeed) -> None:
    assert overview(feed).ranking == [
        "burning",
        "known",
        "lost",
        "odd",
        "uneasy",
        "muted",
        "calm",
        "new",
        "silent",
    ]


@pytest.mark.parametrize(
    ("show", "vehicles", "alerts"),
    [
        ("all", {"burning", "known", "lost", "odd", "uneasy", "muted", "calm", "new", "silent"}, 7),
        ("open", {"burning", "known", "muted", "lost"}, 7),
        ("unacknowledged", {"burning", "lost"}, 5),
        ("muted", {"muted"}, 1),
        ("anomalous", {"odd"}, 0),
        ("silent", {"silent", "lost"}, 1),
        ("warming_up", {"new"}, 0),
        ("ok", {"calm", "uneasy", "muted"}, 1),
    ],
)
def test_a_choice_shows_these_vehicles_and_their_alerts(
    show: Show, vehicles: set[str], alerts: int, feed: StagedFeed
) -> None:
    all_of_it = overview(feed)
    assert set(all_of_it.vehicles_in(show)) == vehicles
    assert list(all_of_it.vehicles_in(show)) == [name for name in all_of_it.ranking if name in vehicles]
    assert len(all_of_it.alerts_in(show)) == alerts
    assert all(each.state == "open" for each in all_of_it.alerts_in(show))


def test_the_strip_counts_alerts_and_vehicles(feed: StagedFeed) -> None:
    shown = {
        choice["name"]: (choice["count"], choice["label"])
        for group in groups(overview(feed), "all")
        for choice in group["choices"]
    }
    assert {name: count for name, (count, _) in shown.items()} == {
        "unacknowledged": 5,
        "open": 7,
        "muted": 1,
        "all": 9,
        "anomalous": 1,
        "silent": 2,
        "warming_up": 1,
        "ok": 3,
    }
    assert all(label for _, label in shown.values()), "a colour never stands alone"


def test_what_is_seldom_is_in_the_strip_only_when_it_is_there_or_chosen(feed: StagedFeed) -> None:
    quiet = StagedFeed(SETTINGS)
    quiet.state.record(payload("calm"))

    def names(show: Show) -> set[str]:
        return {each["name"] for group in groups(overview(quiet, ()), show) for each in group["choices"]}

    assert names("all") == {"unacknowledged", "open", "all", "anomalous", "silent", "ok"}
    assert names("muted") == names("all") | {"muted"}, "it can be left again"


def test_every_choice_has_words() -> None:
    assert TITLES.keys() == set(SHOWS)


def test_viewers_share_an_overview_until_something_changes(feed: StagedFeed) -> None:
    first = overview(feed)
    fleet, alerts = feed.state.snapshot(), feed.alerts.snapshot()
    assert overview_of(fleet, alerts, SETTINGS) is first
    feed.show(alert("new"))
    assert overview_of(feed.state.snapshot(), feed.alerts.snapshot(), SETTINGS) is not first


def test_a_search_finds_the_id_itself_then_beginnings_then_parts() -> None:
    ranking = ["XV7", "V71", "V7", "A", "v70"]
    assert found(ranking, "v7") == ["V7", "V71", "v70", "XV7"]
    assert found(ranking, " 71 ") == ["V71"]
    assert found(ranking, "") == ranking
    assert found(ranking, "nothing") == []


def test_a_row_says_in_words_what_its_colours_say(feed: StagedFeed) -> None:
    shown = overview(feed)
    rows = {name: row_of(name, shown) for name in ("odd", "burning", "silent", "new")}
    assert rows["odd"] | {"id": "", "name": ""} == {
        "id": "",
        "name": "",
        "tone": "anomalous",
        "alert": "",
        "state": "anomaly",
        "error": "3 ×",
        "level": 75,
        "note": "engine_temperature 131 °C, expected 90 °C",
    }
    assert (rows["burning"]["tone"], rows["burning"]["alert"]) == ("critical", "critical")
    assert rows["burning"]["state"] == "", "with an alert it is not ok"
    assert rows["burning"]["note"] == "engine_temperature 131 °C, expected 90 °C"
    assert (rows["silent"]["tone"], rows["silent"]["state"]) == ("silent", "silent 31 s")
    assert (rows["new"]["tone"], rows["new"]["error"]) == ("warming_up", "")


@pytest.mark.parametrize(
    ("text", "page", "expected"),
    [
        ("V7", 2, View("V7", 2)),
        (None, None, View()),
        (7, "x", View()),
        ("V", -3, View("V")),
        ("V" * 999, 0, View("V" * 200)),
    ],
)
def test_whatever_a_browser_sends_is_a_view(text: object, page: object, expected: View) -> None:
    assert view_of(text, page) == expected


def test_the_list_says_what_it_holds() -> None:
    assert what("all", "", 9, 9) == "worst first"
    assert what("silent", "", 2, 9) == "only silent · worst first"
    assert what("silent", "", 0, 9) == "no vehicles"
    assert what("all", "V7", 1, 1_000) == "1 of 1,000 match"
    assert what("all", "<b>\n", 0, 9) == "no vehicle matches “<b>\N{REPLACEMENT CHARACTER}”"
    assert ROWS < 100, "all rows are sent at each update"
