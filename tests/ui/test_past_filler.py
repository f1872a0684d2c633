"""A page that was started at noon shows the morning: lanes filled from the history."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from config.errors import HistoryError
from config.settings import load
from dataflows.events import Rollup
from tests.support.enriched_events import START, payload
from tests.support.staged_page import NOW, StagedFeed
from tests.support.stored_history import store
from ui.live.feed import Connection
from ui.live.past_filler import DUE, PastFiller, past_cells
from ui.live.severity_lanes import CELLS, WIDTH, PastCell


def rollup(vehicle: str, minutes: float, *, peak: float, anomalies: int = 0, length: float = 1.0) -> bytes:
    """A summary that begins some minutes after `START`."""
    start = START + timedelta(minutes=minutes)
    end = start + timedelta(minutes=length)
    return msgspec.json.encode(
        Rollup(
            rollup_id=f"{vehicle}@{minutes}",
            vehicle_id=vehicle,
            start=start,
            end=end,
            first_at=start,
            last_at=start,
            events=60,
            anomalies=anomalies,
            error_mean=0.5,
            error_peak=peak,
            signals={},
            distance_km=None,
            moving_s=0.0,
            idle_s=0.0,
            made_at=end,
        )
    )


@pytest.fixture
def history(tmp_path: Path) -> Path:
    rollups = [
        rollup("V1", -60.0, peak=4.0, anomalies=2),
        rollup("V1", -59.0, peak=9.0, anomalies=1),
        rollup("V1", -20.0, peak=0.25),
        rollup("V2", -40.0, peak=1.0, anomalies=1, length=15.0),
        rollup("GONE", -10.0, peak=9.0, anomalies=9),
        rollup("V1", -60.0 * 24, peak=99.0, anomalies=9),
    ]
    store(tmp_path, "rollups", rollups, topic="fleet/rollups/V")
    return tmp_path


@pytest.fixture
def feed() -> StagedFeed:
    feed = StagedFeed(load())
    feed.stage = Connection("connected", "", NOW)
    for vehicle in ("V1", "V2", "NEW"):
        feed.state.record(payload(vehicle, threshold=None if vehicle == "NEW" else 1.0, error=0.1))
    return feed


def known(feed: StagedFeed, vehicle: str) -> dict[int, int]:
    """Minutes before now → severity, of the cells of a vehicle in which something is known."""
    lanes = feed.state.lanes()
    cells = lanes.cells[lanes.vehicles.index(vehicle)].tolist()
    return {(cell - CELLS + 1) * 5: value - 1 for cell, value in enumerate(cells) if value}


def test_rollups_are_summed_up_by_cell(history: Path) -> None:
    number = int(NOW // WIDTH)
    found = past_cells(history, START - timedelta(hours=6))
    assert sorted(found["V1"], key=lambda cell: cell.number) == [
        PastCell(number - 12, 9.0, 3),
        PastCell(number - 4, 0.25, 0),
    ]
    assert sorted(cell.number - number for cell in found["V2"]) == [-8, -7, -6], "windows may be longer"


def test_the_lanes_show_the_hours_before_the_page_was_started(history: Path, feed: StagedFeed) -> None:
    filler = PastFiller(feed, history, clock=lambda: NOW + DUE[0])
    filler.fill_if_due()
    assert known(feed, "V1") == {-60: 90, -20: 20, 0: 9}
    assert known(feed, "V2") == {-40: 50, -35: 50, -30: 50, 0: 9}
    assert known(feed, "NEW") == {0: 0}
    assert "GONE" not in feed.state.lanes().vehicles, "nothing else is known of it"


def test_it_is_asked_once_the_vehicles_are_known_and_again_when_the_last_rollups_have_come(
    history: Path, feed: StagedFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, asked = [NOW], list[float]()

    def noted(*_: object) -> dict[str, list[PastCell]]:
        asked.append(now[0] - NOW)
        return {}

    monkeypatch.setattr("ui.live.past_filler.past_cells", noted)
    filler = PastFiller(feed, history, clock=lambda: now[0])
    for second in range(400):
        now[0] = NOW + second
        filler.fill_if_due()
    assert asked == list(DUE)
    feed.stage = Connection("lost", "", NOW + 400.0)
    now[0] += 100.0
    filler.fill_if_due()
    assert asked == list(DUE)
    feed.stage = Connection("connected", "", NOW + 500.0)
    now[0] = NOW + 510.0
    filler.fill_if_due()
    assert len(asked) == 3, "what was missed meanwhile"


def test_a_history_that_cannot_be_read_is_reported_and_the_page_goes_on(
    feed: StagedFeed, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    def fails(*_: object) -> dict[str, list[PastCell]]:
        raise HistoryError("no such bucket")

    monkeypatch.setattr("ui.live.past_filler.past_cells", fails)
    PastFiller(feed, tmp_path, clock=lambda: NOW + DUE[0]).fill_if_due()
    assert "no such bucket" in caplog.text
    assert known(feed, "V1") == {0: 9}


def test_a_history_that_is_not_there_yet_is_empty(tmp_path: Path) -> None:
    assert past_cells(tmp_path / "nowhere", START) == {}
