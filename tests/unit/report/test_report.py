"""``python -m dataflows.report``: a vehicle's day from the history, printed and drawn."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest

from config.settings import load
from dataflows.events import Alert, Command, CommandAnswer, Enriched, Rollup, SignalSummary
from dataflows.history.kinds import KINDS
from dataflows.history.reader import History
from dataflows.history.writer import KindWriter
from dataflows.messages import MessageBatch
from dataflows.report.__main__ import main
from dataflows.report.reading import day_report

DAY = date(2026, 11, 27)
MORNING = datetime(2026, 11, 27, 8, tzinfo=UTC)
VEHICLE = "<b>[/bold]V7"


def rollup(minute: int, moving_s: float, vehicle: str = VEHICLE) -> Rollup:
    start = MORNING + timedelta(minutes=minute)
    speed = SignalSummary(count=60, mean=30.0, min=20.0, max=50.0, last=30.0)
    place = SignalSummary(count=60, mean=48.0, min=48.0, max=48.0, last=48.0)
    return Rollup(
        rollup_id=f"{vehicle}@{minute}",
        vehicle_id=vehicle,
        start=start,
        end=start + timedelta(minutes=1),
        first_at=start,
        last_at=start + timedelta(seconds=59),
        events=60,
        anomalies=1,
        error_mean=0.5,
        error_peak=2.0,
        signals={"speed": speed, "latitude": place, "longitude": place},
        distance_km=0.5 * moving_s / 60.0,
        moving_s=moving_s,
        idle_s=60.0 - moving_s,
        used={"fuel": 0.1},
        filled={"fuel": 0.0},
        made_at=start,
    )


def event(second: int, **more: Any) -> Enriched:
    fields: dict[str, Any] = {
        "event_id": f"{VEHICLE}@{second}",
        "vehicle_id": VEHICLE,
        "ts": MORNING + timedelta(seconds=second),
        "reconstruction_error": 0.5,
        "reconstruction_error_smoothed": 0.5,
        "anomaly_threshold": 2.0,
        "is_anomaly": second == 30,
        "severity": 20.0,
        "status": "ok",
        "values": {"speed": 30.0 + second % 7, "latitude": 48.0 + second / 1e4, "longitude": 11.0},
        "expected": {"speed": 33.0},
        "band": {"speed": 4.0},
        "contributions": {"speed": 1.0},
        "model_version": 1,
        "processed_at": MORNING,
        "telemetry": msgspec.Raw(b"{}"),
    }
    return Enriched(**fields | more)


def alert(number: int, opened_at: datetime, cleared_at: datetime | None) -> Alert:
    return Alert(
        alert_id=f"a{number}",
        revision=1,
        vehicle_id=VEHICLE,
        kind="limit",
        subject="speed",
        state="open" if cleared_at is None else "cleared",
        severity="major",
        peak=80.0,
        summary=f"Speed {number} is <i>too</i> high",
        signals=(),
        events=1,
        openings=1,
        onset_at=opened_at,
        opened_at=opened_at,
        last_at=opened_at,
        cleared_at=cleared_at,
        changed_at=opened_at,
    )


def write(directory: Path, kind: str, items: list[Any], topic: str = "topic") -> None:
    writer = KindWriter(directory, KINDS[kind], "fleet/command")
    payloads = [msgspec.json.encode(item) for item in items]
    arrived = [int((MORNING + timedelta(minutes=5)).timestamp() * 1e6)] * len(items)
    writer.write(MessageBatch(payloads, [topic] * len(items), arrived, "mqtt"))
    writer.flush()


@pytest.fixture
def history(tmp_path: Path) -> Path:
    directory = tmp_path / "history"
    driving = [rollup(minute, 60.0) for minute in (*range(10), *range(30, 35))]
    standing = [rollup(minute, 0.0) for minute in range(10, 30)]
    write(directory, "rollups", driving + standing + [rollup(0, 60.0, "V8")])
    write(directory, "events", [event(second) for second in range(60)])
    before = MORNING - timedelta(days=1)
    alerts = [alert(1, MORNING, None), alert(2, before, before), alert(3, before, MORNING)]
    write(directory, "alerts", alerts)
    write(directory, "commands", [Command(id="c1", name="stop", by="anna")], f"fleet/command/{VEHICLE}")
    answer = CommandAnswer(
        command_id="c1", name="stop", vehicle_id=VEHICLE, status="done", answered_at=MORNING
    )
    write(directory, "answers", [answer])
    return directory


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    main(["--day", "2026-11-27", *arguments])
    return capsys.readouterr().out


def test_a_day_has_its_trips_alerts_and_commands(history: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "--history", str(history), "--vehicle", VEHICLE)
    assert "7.5 km driven, 15 min on the way, 20 min idling, 2 trips, 2 alerts, 35 anomalies" in text
    assert re.search(r"^trip\s+08:00\s+08:09:59\s+10 min\s+5\.0 km", text, re.MULTILINE)
    assert re.search(r"^stop\s+08:09:59\s+08:30\s+20 min\s+20 min", text, re.MULTILINE)
    assert "Speed 1 is <i>too</i> high" in text
    assert "still open" in text
    assert "Speed 2" not in text, "it cleared on the day before"
    assert "08:05 stop, from anna" in text
    assert "08:00 stop: done" in text


def test_without_a_vehicle_every_one_has_a_line(history: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, "--history", str(history)).splitlines()
    assert [line.split()[0] for line in lines] == ["vehicle", VEHICLE, "V8"]


class _Checker(HTMLParser):
    """Collects tags and text; elements must be closed in the order in which they were opened."""

    VOID = frozenset({"meta", "rect", "line", "circle", "polyline", "polygon"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_shows_route_band_and_anomalies_and_runs_nothing_it_was_sent(
    history: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "day.html"
    printed(capsys, "--history", str(history), "--vehicle", VEHICLE, "--html", str(file))
    checker = _Checker()
    checker.feed(file.read_text("utf-8"))
    assert not checker.open
    shapes = {attributes.get("class") for _, attributes in checker.tags}
    assert {"actual", "expected", "band", "anomaly", "flagged", "start", "end"} <= shapes
    assert VEHICLE in checker.text
    assert "Speed 1 is <i>too</i> high" in checker.text
    assert not {"i", "script"} & {tag for tag, _ in checker.tags}
    assert not re.search(r"(src|href)=", file.read_text("utf-8")), "it needs no network"


def test_what_the_pictures_show_is_what_was_measured(history: Path) -> None:
    report = day_report(History(history), load(), VEHICLE, DAY)
    charts = {chart.name: chart for chart in report.charts}
    assert list(charts) == ["speed"]
    assert charts["speed"].line.values.tolist() == [30.0 + second % 7 for second in range(60)]
    assert charts["speed"].unit == "km/h"
    assert report.latitudes[-1] == pytest.approx(48.0059)
    assert report.flagged.tolist() == [second == 30 for second in range(60)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--vehicle", "V9"), "V9 has sent nothing on 2026-11-27"),
        (("--html", "x.html"), "expected --vehicle ID beside it"),
        (("--vehicle", VEHICLE, "--html", "/nowhere/x.html"), "cannot write /nowhere/x.html"),
    ],
)
def test_errors_are_one_line(
    history: Path, arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        printed(capsys, "--history", str(history), *arguments)
    assert ended.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_a_day_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--day", "27.11.2026"])
    assert "expected a day such as" in capsys.readouterr().err
