"""The protocol that chooses on all kinds of streams but one, and measures on that one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks import quality_metrics
from benchmarks.candidates import ours
from benchmarks.quality_metrics import Timed
from benchmarks.results_cache import ResultsCache
from benchmarks.selection import __main__ as selection
from benchmarks.selection import choice as choices
from benchmarks.selection import evaluations as evaluation
from benchmarks.selection.choice import GRID, MOST_FLAGGED, START, Choice, Worth, applied, search
from benchmarks.selection.evaluations import Evaluations, KindFigures, Outcome, usable_streams
from benchmarks.selection.protocol import chosen_on, leave_each_out
from benchmarks.selection.trips import PAUSE, flagged_shares
from benchmarks.streams import manifest, read
from benchmarks.trips import SECOND, Trip
from config.settings import load
from dataflows.detector import Parameters, terms

ROWS, FIRST, FAULT = 500, 200, slice(400, 430)


@pytest.fixture(autouse=True)
def _small_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choices, "GRID", {"reconstruction": (1.0, 0.25), "activity": (1.0, 0.25)})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two kinds: a relation that breaks, and a signal that becomes restless."""
    random = np.random.default_rng(0)
    streams = []
    for kind in ("cars", "pumps"):
        drive = np.cumsum(random.normal(size=ROWS))
        table = pd.DataFrame({"a": drive, "b": 2 * drive + random.normal(size=ROWS), "label": 0})
        fault = random.normal(size=FAULT.stop - FAULT.start)
        table.loc[FAULT.start : FAULT.stop - 1, "b"] += 9.0 if kind == "cars" else 6.0 * fault
        table.loc[FAULT.start : FAULT.stop - 1, "label"] = 1
        table.to_csv(tmp_path / f"{kind}.csv", index=False)
        streams.append({"dataset": kind, "file": f"{kind}.csv", "eval_from": FIRST})
    (tmp_path / "manifest.json").write_text(json.dumps({"streams": streams}))
    return tmp_path


def evaluations(data: Path, cache: str = "cache.jsonl") -> Evaluations:
    streams = usable_streams(data, lambda file, reason: pytest.fail(f"{file}: {reason}"))
    return Evaluations(data, streams, Parameters(), ResultsCache(data / cache, Outcome), None)


def relabel(data: Path, kind: str) -> None:
    """Make other rows anomalous."""
    table = pd.read_csv(data / f"{kind}.csv")
    table["label"] = 0
    table.loc[FIRST + 10 : FIRST + 100, "label"] = 1
    table.to_csv(data / f"{kind}.csv", index=False)


def printed(data: Path, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, Any]:
    arguments = ["--data", str(data), "--cache", str(data / "cache.jsonl"), "--processes", "1"]
    selection.main([*arguments, "--json", *more])
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    return report


# The search


def test_the_start_is_neutral() -> None:
    assert [START[name] for name in terms.NAMES] == [1.0] * len(terms.NAMES)
    assert set(START) == set(GRID)


def test_a_choice_is_applied_to_the_parameters() -> None:
    chosen = {**START, "activity": 0.25, "reconstructor": "mlp", "ridge": 0.1, "threshold_prior": 50.0}
    found = applied(chosen, Parameters(window=7))
    assert found.terms == dict.fromkeys(terms.NAMES, 1.0) | {"activity": 0.25}
    assert (found.reconstructor, found.ridge, found.threshold_prior) == ("mlp", 0.1, 50.0)
    assert found.window == 7


def test_the_search_keeps_what_is_worth_more_and_goes_on_from_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choices, "GRID", GRID)
    wanted = {**START, "activity": 0.5, "ridge": 0.1}
    seen: list[Choice] = []

    def judge(tried: Sequence[Choice]) -> list[Worth]:
        seen.extend(tried)
        return [Worth(0.0, sum(one[name] == wanted[name] for name in GRID)) for one in tried]

    assert search(judge) == wanted
    others = sum(len(values) - 1 for values in GRID.values())
    assert len(seen) == 1 + 2 * others


def test_a_search_that_finds_nothing_better_ends_after_one_round() -> None:
    steps: list[str] = []
    assert search(lambda tried: [Worth(0.0, 1.0)] * len(tried), steps.append) == START
    assert steps == ["reconstruction", "activity"]


def test_a_choice_that_keeps_the_promise_is_worth_more_than_a_better_one_that_does_not() -> None:
    promise = 0.005
    kept = Worth.of(0.5, MOST_FLAGGED * promise, promise)
    broken, hardly = Worth.of(2.0, 5 * promise, promise), Worth.of(0.1, 3 * promise, promise)
    assert kept > hardly > broken
    assert Worth.of(0.6, 0.0, promise) > kept
    assert Worth.of(0.5, 0.0, promise) == kept


# Leaving out


def test_each_kind_is_left_out_and_not_looked_at(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[str] = []
    evaluated = evaluation.evaluated

    def watched(directory: Path, entry: Any, digest: str, parameters: Parameters) -> Outcome:
        looked_at.append(entry.dataset)
        return evaluated(directory, entry, digest, parameters)

    monkeypatch.setattr(evaluation, "evaluated", watched)
    chosen_on(evaluations(data), ["cars"])
    assert set(looked_at) == {"cars"}
    assert list(leave_each_out(evaluations(data))) == ["cars", "pumps"]


@pytest.mark.parametrize(("kind", "other"), [("cars", "pumps"), ("pumps", "cars")])
def test_what_a_kind_is_labelled_changes_nothing_in_what_is_chosen_without_it(
    kind: str, other: str, data: Path
) -> None:
    before = leave_each_out(evaluations(data))
    relabel(data, kind)
    after = leave_each_out(evaluations(data))
    assert after[kind].chosen == before[kind].chosen
    assert after[kind].figures.roc_auc != before[kind].figures.roc_auc
    fitted = chosen_on(evaluations(data), [other])
    assert after[kind].chosen == fitted


def test_what_the_other_kinds_are_labelled_decides(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the test above would hold for a search that looks at nothing."""
    monkeypatch.setattr(choices, "GRID", dict.fromkeys(terms.NAMES, (1.0, 0.25)))
    monkeypatch.setattr(choices, "START", dict.fromkeys(terms.NAMES, 1.0) | {"ridge": 0.01})
    before = leave_each_out(evaluations(data))
    relabel(data, "pumps")
    assert leave_each_out(evaluations(data))["cars"].chosen != before["cars"].chosen


def test_a_choice_is_evaluated_once_on_a_stream_and_never_again(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, str]] = []
    evaluated = evaluation.evaluated

    def counted(directory: Path, entry: Any, digest: str, parameters: Parameters) -> Outcome:
        calls.append((entry.file, repr(parameters)))
        return evaluated(directory, entry, digest, parameters)

    monkeypatch.setattr(evaluation, "evaluated", counted)
    first = printed(data, capsys)
    assert len(calls) == len(set(calls)) > 4
    made = len(calls)
    assert printed(data, capsys) == first
    assert len(calls) == made
    assert printed(data, capsys, "--fresh") == first
    assert len(calls) == 2 * made
    monkeypatch.setenv("FLEET__DETECTOR__WINDOW", "5")
    printed(data, capsys)
    assert len(calls) > 2 * made


def test_the_figures_of_a_stream_are_those_of_the_quality_benchmark(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quality_metrics, "vus_pr", lambda label, scores: None)
    entry, _ = manifest(data)
    stream, parameters = read(data, entry), Parameters(start_up=1, percentile=90.0)
    wanted = quality_metrics.figures(stream, Timed(ours(parameters, stream.values), 1.0))
    assert wanted.normal_flagged
    assert evaluation.evaluated(data, entry, stream.digest, parameters) == Outcome(
        roc_auc=wanted.roc_auc_smoothed,
        average_precision=wanted.average_precision_smoothed,
        normal_rows=wanted.normal_rows,
        normal_flagged=wanted.normal_flagged,
        false_episodes=wanted.false_episodes or 0,
    )


def test_the_figures_of_a_kind_are_those_of_its_streams_together() -> None:
    one = Outcome(roc_auc=0.8, average_precision=0.4, normal_rows=900, normal_flagged=9, false_episodes=3)
    two = Outcome(roc_auc=0.6, average_precision=0.2, normal_rows=100, normal_flagged=1, false_episodes=2)
    found = KindFigures.of([one, two], promised=0.005)
    assert (found.roc_auc, found.average_precision) == pytest.approx((0.7, 0.3))
    assert (found.normal_flagged, found.promised, found.false_episodes_per_1000) == (0.01, 0.005, 5.0)
    mean = KindFigures.mean([found, replace(found, roc_auc=0.5, normal_flagged=0.03)])
    assert (mean.roc_auc, mean.normal_flagged) == pytest.approx((0.6, 0.02))
    assert found.worth == Worth(0.0, found.roc_auc + found.average_precision)
    assert mean.worth.within == pytest.approx(MOST_FLAGGED - 4.0)


# The report


def test_the_report_has_every_kind_and_their_means(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = (data / "manifest.json").read_text().replace('"dataset": "pumps"', '"dataset": "spacecraft"')
    (data / "manifest.json").write_text(manifest)
    report = printed(data, capsys)
    left_out = report["left_out"]
    assert list(left_out) == ["cars", "spacecraft"]
    assert list(report["means"]) == ["no spacecraft", "all"]
    assert report["means"]["no spacecraft"]["roc_auc"] == left_out["cars"]["roc_auc"]
    mean = (left_out["cars"]["roc_auc"] + left_out["spacecraft"]["roc_auc"]) / 2
    assert report["means"]["all"]["roc_auc"] == pytest.approx(mean)
    assert set(report["all"]["chosen"]) == set(GRID)
    assert report["all"]["trips"] == {}


def test_processes_do_not_change_the_result(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alone = printed(data, capsys)
    assert printed(data, capsys, "--fresh", "--processes", "2") == alone


def test_the_tables_show_kinds_means_and_trips(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trips = data / "trips"
    trips.mkdir()
    for name in ("car-1", "car-2"):
        table = pd.read_csv(data / "cars.csv").drop(columns="label")
        table.to_csv(trips / f"{name}.csv", index=False)
    arguments = ["--data", str(data), "--cache", str(data / "cache.jsonl"), "--processes", "1"]
    selection.main([*arguments, "--trips", str(trips)])
    output = capsys.readouterr().out
    for row in ("cars", "pumps", "mean: all", "nothing", "car-1.csv", "car-2.csv"):
        assert f"{row} " in output
    assert max(map(len, output.splitlines())) <= 150


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--processes", "0"], "--processes: expected at least 1, got 0"),
        (["--trips", "nowhere"], "nowhere: expected a directory with recorded trips"),
    ],
)
def test_wrong_arguments_end_in_one_line(
    arguments: list[str], message: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        selection.main(["--data", str(data), *arguments])
    assert stop.value.code == 1
    assert message in capsys.readouterr().err.strip().splitlines()[-1]


def test_a_single_kind_cannot_be_left_out(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "pumps.csv").write_text("a,label\n1,0\n2,0\n")
    with pytest.raises(SystemExit):
        selection.main(["--data", str(data), "--cache", str(data / "cache.jsonl"), "--processes", "1"])
    error = capsys.readouterr().err
    assert "pumps.csv left out: expected normal and anomalous rows" in error
    assert "expected streams of at least two kinds, one to choose on and one to leave out, got cars" in error


# Trips


def test_trips_in_a_row_are_driven_by_one_detector_with_a_pause_between_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[tuple[int, int, int]] = []

    class Counting:
        def __init__(self, parameters: Parameters, signals: Sequence[str]) -> None:
            self.number = len(calls)

        def process(self, vehicles: Sequence[str], times: np.ndarray, values: np.ndarray) -> Any:
            calls.append((self.number, int(times[0]), int(times[-1])))
            return type("Scores", (), {"anomaly": np.arange(len(vehicles)) < 1})

    monkeypatch.setattr("benchmarks.selection.trips.Detector", Counting)
    times = np.arange(50, 60, dtype=np.int64) * SECOND
    trips = [Trip(f"car-{number}.csv", load(), times, np.zeros((10, 1))) for number in range(2)]
    assert flagged_shares(START, trips) == [0.1, 0.1]
    end = 9 * SECOND
    assert calls == [(0, 0, end), (0, end + PAUSE, end + PAUSE + end)]
