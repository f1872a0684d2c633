"""The command line of the throughput benchmark: its parts, its tables, its JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from benchmarks.throughput import __main__ as throughput
from benchmarks.throughput import beside_peers
from benchmarks.throughput.beside_peers import PEERS, Measured
from benchmarks.throughput.figures import Report, Scale, beside_limit, medians, times_slower
from benchmarks.throughput.kafka import CASES, report
from benchmarks.throughput.report import tables
from config.errors import BrokerError, SettingsError

QUIET = Console(quiet=True)

EVERYTHING: Report = {
    "in_process": beside_limit(150_000, 250_000),
    "kafka": beside_limit(80_000, 130_000),
    "kafka_two_processes": beside_limit(140_000, 230_000),
    "mqtt": beside_limit(9_000, 10_000),
    "mqtt_lists": beside_limit(50_000, 60_000),
    "peers": {
        "bytewax_river": times_slower(7_000, 150_000),
        "faust_river": times_slower(2_000, 80_000),
    },
    "vehicles": {
        "10": {"events_per_second": 90_000, "state_bytes_per_vehicle": 1_800, "snapshot_seconds": 0.001},
        "100000": {
            "events_per_second": 120_000,
            "state_bytes_per_vehicle": 1_400,
            "snapshot_seconds": 0.6,
            "memory_bytes_per_vehicle": 1_900,
        },
    },
    "signals": {"4": {"events_per_second": 170_000}},
    "shards": {"16": {"events_per_second": 60_000}},
    "processes": {"1": {"events_per_second": 150_000}, "2": {"events_per_second": 285_000}},
}


def printed(report: Report) -> str:
    console = Console(width=140)
    with console.capture() as captured:
        for table in tables(report):
            console.print(table)
    return captured.get()


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[Scale], Report]]:
    """Parts that measure nothing, in place of the real ones."""

    def kafka(scale: Scale) -> Report:
        raise BrokerError("no Java")

    fakes: dict[str, Callable[[Scale], Report]] = {
        "in_process": lambda scale: {"in_process": beside_limit(scale.events, 2 * scale.events)},
        "kafka": kafka,
    }
    monkeypatch.setattr(throughput, "PARTS", fakes)
    return fakes


def test_cases_take_turns_and_the_median_counts() -> None:
    turns: list[str] = []
    speeds = {"a": iter([1.0, 9.0, 2.0]), "b": iter([5.0, 4.0, 30.0])}

    def case(name: str) -> Callable[[], float]:
        def run() -> float:
            turns.append(name)
            return next(speeds[name])

        return run

    assert medians("part", {"a": case("a"), "b": case("b")}, 3, QUIET) == {"a": 2.0, "b": 5.0}
    assert turns == ["a", "b", "a", "b", "a", "b"]


def test_tables_show_every_figure_beside_what_it_is_compared_with() -> None:
    text = printed(EVERYTHING)
    rows = {line.split("│")[1].strip(): line for line in text.splitlines() if line.startswith("│")}
    assert [cell.strip() for cell in rows["in process, without broker"].split("│")[2:-1]] == [
        "150,000",
        "without scoring",
        "250,000",
        "0.60",
    ]
    assert "paho alone" in rows["MQTT to MQTT, 50 events per message"]
    assert "21.4" in rows["bytewax_river"]
    assert "in process" in rows["bytewax_river"]
    assert "Kafka to Kafka" in rows["faust_river"]
    assert "2 processes: 1.75 × 1" in text
    assert "2 processes: 1.90 × 1" in text
    assert "120,000" in rows["100,000"]
    assert "1,400" in rows["100,000"]
    assert "1,900" in rows["100,000"]


def test_a_part_that_was_not_measured_has_no_table() -> None:
    assert "peer" not in printed({"in_process": EVERYTHING["in_process"]})


def test_json_has_the_figures_of_the_requested_parts(
    parts: dict[str, Callable[[Scale], Report]], capsys: pytest.CaptureFixture[str]
) -> None:
    throughput.main(["--json", "--only", "in_process", "--events", "2000"])
    assert json.loads(capsys.readouterr().out) == {
        "in_process": {"events_per_second": 2000, "limit_events_per_second": 4000, "ratio": 0.5}
    }


def test_a_part_that_fails_is_reported_and_the_others_are_measured(
    parts: dict[str, Callable[[Scale], Report]], capsys: pytest.CaptureFixture[str]
) -> None:
    throughput.main(["--json"])
    output = capsys.readouterr()
    assert list(json.loads(output.out)) == ["in_process"]
    assert "kafka left out: no Java" in output.err


@pytest.mark.parametrize(
    ("only", "why"), [("kafka", "no Java"), ("speed", "got 'speed'"), (",", "got none")], ids=str
)
def test_a_run_that_measures_nothing_ends_in_one_line(
    parts: dict[str, Callable[[Scale], Report]], capsys: pytest.CaptureFixture[str], only: str, why: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        throughput.main(["--only", only])
    assert ended.value.code == 1
    error = capsys.readouterr().err.strip()
    assert why in error
    assert len(error.splitlines()) == 1


def test_if_every_part_fails_the_last_reason_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(scale: Scale) -> Report:
        raise BrokerError("no broker")

    monkeypatch.setattr(throughput, "PARTS", {"kafka": fails, "mqtt": fails})
    with pytest.raises(SystemExit) as ended:
        throughput.main(["--json"])
    assert ended.value.code == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert "benchmarks.throughput: no broker" in output.err


@pytest.mark.parametrize("arguments", ["--events 1999", "--events many", "--repetitions 0"])
def test_numbers_that_are_too_small_are_rejected(arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        throughput.main(arguments.split())
    assert "expected a whole number ≥" in capsys.readouterr().err


def test_every_kafka_flow_is_compared_with_its_own_limit() -> None:
    speeds = dict(zip(CASES, (80.0, 100.0, 120.0, 200.0), strict=True))
    found = report(speeds)
    assert found["kafka"] == {"events_per_second": 80, "limit_events_per_second": 100, "ratio": 0.8}
    assert found["kafka_two_processes"] == {
        "events_per_second": 120,
        "limit_events_per_second": 200,
        "ratio": 0.6,
    }


def test_a_peer_is_compared_with_the_job_on_the_same_kind_of_input() -> None:
    speeds = {
        "in_process": [100.0, 300.0, 200.0],
        "kafka": [60.0],
        "bytewax_river": [10.0],
        "quix_river": [3.0],
    }
    rest = {name: "crashed" for name in PEERS if name not in speeds}
    peers: dict[str, Any] = Measured(speeds, rest).report()["peers"]
    assert peers == {
        "bytewax_river": {"events_per_second": 10, "times_slower": 20.0},
        "quix_river": {"events_per_second": 3, "times_slower": 20.0},
    }


def test_if_no_peer_runs_the_reason_is_reported() -> None:
    with pytest.raises(BrokerError, match="none did: crashed"):
        Measured({"in_process": [100.0]}, dict.fromkeys(PEERS, "crashed")).report()


def test_peers_that_are_not_installed_are_reported_with_the_command_that_installs_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(beside_peers, "INTERPRETER", tmp_path / "bin" / "python")
    with pytest.raises(SettingsError, match="make bench-peers"):
        beside_peers.peers(Scale(2_000, 1, QUIET))
