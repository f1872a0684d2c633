"""The quality benchmark from the command line to the report."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd
import pytest
from msgspec import structs

from benchmarks import fingerprint, quality, quality_metrics
from benchmarks.ablations import ABLATIONS
from benchmarks.candidates import CANDIDATES, Candidate, Verdicts, ours
from benchmarks.quality_metrics import StreamFigures
from benchmarks.quality_report import summaries
from dataflows.detector import Parameters

Report: TypeAlias = dict[str, dict[str, dict[str, float]]]

ROWS, FAULT = 600, slice(450, 480)


@pytest.fixture(autouse=True)
def _no_vus_pr(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes 1.5 s of a processor for each stream; test_quality_metrics.py is about it."""
    monkeypatch.setattr(quality_metrics, "vus_pr", lambda label, scores: None)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two datasets with one stream each: two correlated signals, and a fault that breaks their relation."""
    random = np.random.default_rng(0)
    streams = []
    for dataset in ("cars", "pumps"):
        drive = random.normal(size=ROWS)
        table = pd.DataFrame({"a": drive, "b": 2 * drive + 0.1 * random.normal(size=ROWS), "label": 0})
        table.loc[FAULT.start : FAULT.stop - 1, "b"] *= -1
        table.loc[FAULT.start : FAULT.stop - 1, "label"] = 1
        table.to_csv(tmp_path / f"{dataset}.csv", index=False)
        streams.append({"dataset": dataset, "file": f"{dataset}.csv", "eval_from": 200})
    (tmp_path / "manifest.json").write_text(json.dumps({"streams": streams}))
    return tmp_path


def printed(data: Path, capsys: pytest.CaptureFixture[str], *more: str) -> Report:
    quality.main(["--data", str(data), "--cache", str(data / "cache.jsonl"), "--json", *more])
    report: Report = json.loads(capsys.readouterr().out)
    return report


def test_the_report_contains_every_figure_of_every_dataset_and_their_mean(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = printed(data, capsys, "--detectors", "ours")
    assert list(report) == ["ours", "random"]
    assert list(report["ours"]) == ["cars", "pumps", "mean"]
    for found in report["ours"].values():
        assert set(found) == {
            "roc_auc",
            "average_precision",
            "roc_auc_smoothed",
            "average_precision_smoothed",
            "vus_pr",
            "event_recall_at_1_episode",
            "event_recall_at_3_episodes",
            "event_recall",
            "false_episodes_per_1000",
            "delay_rows",
            "normal_flagged",
            "promised",
            "events_per_second",
        }
    mean = (report["ours"]["cars"]["roc_auc"] + report["ours"]["pumps"]["roc_auc"]) / 2
    assert report["ours"]["mean"]["roc_auc"] == pytest.approx(mean)
    assert report["ours"]["mean"]["roc_auc_smoothed"] > 0.9
    assert report["ours"]["mean"]["event_recall"] == 1.0


def test_a_resumed_run_measures_only_what_is_missing(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def counted(values: np.ndarray, warm_up: int) -> Verdicts:
        if len(values) > quality.WARM_UP_ROWS:
            calls.append(len(values))
        return Verdicts(np.random.default_rng(1).random(len(values)))

    monkeypatch.setattr(quality, "CANDIDATES", (Candidate("random", counted),))
    first = printed(data, capsys)
    assert len(calls) == 2
    assert printed(data, capsys) == first
    assert len(calls) == 2
    cache = data / "cache.jsonl"
    cache.write_bytes(cache.read_bytes()[:-20])
    printed(data, capsys)
    assert len(calls) == 3
    printed(data, capsys, "--fresh")
    assert len(calls) == 5


def test_results_of_changed_code_or_settings_are_not_taken_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "code.py").write_text("a = 1")
    monkeypatch.setattr(fingerprint, "REPOSITORY", tmp_path)
    candidate = replace(CANDIDATES[0], sources=("*.py",))
    before = candidate.fingerprint
    assert candidate.fingerprint == before
    (tmp_path / "code.py").write_text("a = 2")
    after = candidate.fingerprint
    assert after != before
    monkeypatch.setenv("FLEET__DETECTOR__RIDGE", "0.5")
    assert candidate.fingerprint != after


def test_results_are_not_taken_from_the_cache_when_a_library_appears(monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint.fingerprint((), ["no-such-distribution"])
    monkeypatch.setattr(fingerprint, "version", lambda name: "1.0")
    assert fingerprint.fingerprint((), ["no-such-distribution"]) != before


@pytest.mark.parametrize("source", quality.METRICS_SOURCES)
def test_the_files_that_the_metrics_depend_on_exist(source: str) -> None:
    assert (fingerprint.REPOSITORY / source).is_file()


def test_a_detector_that_fails_is_left_out_and_reported(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(values: np.ndarray, warm_up: int) -> Verdicts:
        raise ZeroDivisionError("no luck")

    chance = next(candidate for candidate in CANDIDATES if candidate.name == "random")
    monkeypatch.setattr(quality, "CANDIDATES", (Candidate("broken", broken), chance))
    quality.main(["--data", str(data), "--cache", str(data / "cache.jsonl"), "--json"])
    output = capsys.readouterr()
    assert "broken left out on cars.csv: no luck" in output.err
    report = json.loads(output.out)
    assert list(report) == ["random"]
    assert set(report["random"]) == {"cars", "pumps", "mean"}


def test_a_detector_that_is_not_installed_is_reported_with_the_command_that_installs_it(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = next(candidate for candidate in CANDIDATES if candidate.name == "random")
    absent = Candidate("absent", chance.run, ("no_such_module",))
    monkeypatch.setattr(quality, "CANDIDATES", (absent, chance))
    arguments = ["--data", str(data), "--cache", str(data / "cache.jsonl"), "--json"]
    quality.main(arguments)
    output = capsys.readouterr()
    assert "absent not installed: pip install no-such-module" in output.err
    assert list(json.loads(output.out)) == ["random"]
    with pytest.raises(SystemExit):
        quality.main([*arguments, "--detectors", "absent"])
    assert "absent is not installed: pip install no-such-module" in capsys.readouterr().err


def test_the_tables_show_every_detector_in_every_dataset(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quality.main(["--data", str(data), "--cache", str(data / "cache.jsonl"), "--detectors", "ours"])
    output = capsys.readouterr().out
    for title in ("cars", "pumps", "mean of the datasets"):
        assert title in output
    assert len([line for line in output.splitlines() if "ours" in line]) == 3


def test_the_share_of_flagged_normal_rows_is_shown_next_to_the_promise(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def every_fourth(values: np.ndarray, warm_up: int) -> Verdicts:
        rows = np.arange(len(values), dtype=np.float64)
        return Verdicts(rows, rows % 4 == 0, promised=0.0125)

    chance = next(candidate for candidate in CANDIDATES if candidate.name == "random")
    monkeypatch.setattr(quality, "CANDIDATES", (Candidate("fourth", every_fourth), chance))
    found = printed(data, capsys)
    assert found["fourth"]["mean"]["normal_flagged"] == pytest.approx(0.25, abs=0.005)
    assert found["random"]["mean"]["normal_flagged"] is None
    quality.main(["--data", str(data), "--cache", str(data / "cache.jsonl")])
    rows = [line for line in capsys.readouterr().out.splitlines() if "fourth" in line]
    assert len(rows) == 3
    assert all(re.search(r"2\d\.\d\d% │ 1\.25%", row) for row in rows)


def test_no_table_is_wider_than_150_columns_even_with_the_longest_name(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    longest = max((candidate.name for candidate in CANDIDATES), key=len)
    chance = next(candidate for candidate in CANDIDATES if candidate.name == "random")
    monkeypatch.setattr(quality, "CANDIDATES", (replace(chance, name=longest), chance))
    quality.main(["--data", str(data), "--cache", str(data / "cache.jsonl")])
    output = capsys.readouterr().out
    assert longest in output
    assert max(map(len, output.splitlines())) <= 150


def test_the_word_ablations_stands_for_ours_and_all_that_lack_something(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = printed(data, capsys, "--detectors", "ablations")
    assert list(report) == ["ours", *(f"ours-no-{name}" for name in ABLATIONS), "random"]
    by_name = {candidate.name: candidate for candidate in CANDIDATES}
    assert all(by_name[name].by_name_only for name in report if name.startswith("ours-no-"))
    without = report["ours-no-reconstruction"]["mean"]["roc_auc_smoothed"]
    assert without < report["ours"]["mean"]["roc_auc_smoothed"]


def test_the_linear_reconstructor_is_the_default() -> None:
    by_name = {candidate.name: candidate for candidate in CANDIDATES}
    values = np.random.default_rng(2).normal(size=(300, 3))
    scores = {name: by_name[name].run(values, 100).scores for name in ("ours", "ours-linear", "ours-mlp")}
    assert by_name["ours-linear"].by_name_only
    np.testing.assert_array_equal(scores["ours"], scores["ours-linear"])
    assert not np.array_equal(scores["ours"], scores["ours-mlp"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "nowhere"], "nowhere/manifest.json: expected the list of labelled streams"),
        (["--data", ".", "--detectors", "guess"], "expected some of ours, ours-linear, ours-mlp, random"),
    ],
)
def test_wrong_arguments_end_in_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        quality.main(arguments)
    assert stop.value.code == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert message in lines[-1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("not json", "malformed"),
        ('{"streams": []}', "length"),
        ('{"streams": [{"file": "x.csv"}]}', "dataset"),
    ],
)
def test_a_broken_manifest_ends_in_one_line(
    content: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(SystemExit):
        quality.main(["--data", str(tmp_path)])
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,b\n1,2\n", "expected a column 'label', got none"),
        (b"a,label\n1,0\n2,\n", "expected 0 or 1 in the column 'label', got"),
        (b"a,label\n1,normal\n", "expected 0 or 1 in the column 'label', got 'normal' in row 0"),
        (b"a,label\nfast,0\n", "expected a CSV of numbers"),
        (b"", "expected a CSV of numbers"),
        (b"a,label\n" + b"1,0\n" * 300, "expected normal and anomalous rows"),
    ],
    ids=["no label", "a label missing", "a label in words", "a value in words", "empty", "one kind of rows"],
)
def test_a_stream_that_cannot_be_measured_is_left_out_and_reported(
    content: bytes, message: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "cars.csv").write_bytes(content)
    quality.main(
        ["--data", str(data), "--cache", str(data / "cache.jsonl"), "--detectors", "random", "--json"]
    )
    output = capsys.readouterr()
    assert "left out on cars.csv" in output.err
    assert message in output.err
    assert list(json.loads(output.out)["random"]) == ["pumps", "mean"]


def test_a_damaged_archive_is_left_out_and_reported(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = gzip.compress((data / "cars.csv").read_bytes())
    (data / "cars.csv.gz").write_bytes(whole[: len(whole) // 2])
    manifest = (data / "manifest.json").read_text().replace("cars.csv", "cars.csv.gz")
    (data / "manifest.json").write_text(manifest)
    printed_report = printed(data, capsys, "--detectors", "random")
    assert list(printed_report["random"]) == ["pumps", "mean"]


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_nothing_to_measure_ends_in_one_line(
    form: list[str], data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in data.glob("*.csv"):
        file.unlink()
    with pytest.raises(SystemExit) as stop:
        quality.main(["--data", str(data), "--cache", str(data / "cache.jsonl"), *form])
    output = capsys.readouterr()
    assert stop.value.code == 1
    assert output.out == ""
    assert "nothing could be measured" in output.err.strip().splitlines()[-1]


@pytest.mark.parametrize("cache", ["", "manifest.json/results.jsonl"], ids=["a directory", "below a file"])
def test_an_unusable_cache_ends_in_one_line(
    cache: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        quality.main(["--data", str(data), "--detectors", "random", "--cache", str(data / cache)])
    assert stop.value.code == 1
    assert "expected a file for finished results" in capsys.readouterr().err.strip().splitlines()[-1]


def test_our_scores_of_a_row_do_not_depend_on_later_rows() -> None:
    values = np.random.default_rng(3).normal(size=(400, 3))
    whole, part = ours(Parameters(), values), ours(Parameters(), values[:250])
    assert whole.scores[:250].tobytes() == part.scores.tobytes()


@pytest.mark.long
@pytest.mark.parametrize("candidate", [c for c in CANDIDATES if not c.missing], ids=lambda c: c.name)
def test_every_detector_scores_a_row_before_it_learns_it(candidate: Candidate) -> None:
    random = np.random.default_rng(5)
    values = random.normal(size=(300, 3))
    changed = values.copy()
    changed[250:] = 100.0
    before, after = candidate.run(values, 100), candidate.run(changed, 100)
    np.testing.assert_array_equal(before.scores[:250], after.scores[:250])
    assert np.isfinite(after.scores).all()


def test_recall_of_a_dataset_counts_its_events_together() -> None:
    one = StreamFigures(
        roc_auc=0.5,
        average_precision=0.5,
        roc_auc_smoothed=0.5,
        average_precision_smoothed=0.5,
        vus_pr=None,
        event_recall_at_1_episode=0.0,
        event_recall_at_3_episodes=0.0,
        events=1,
        events_found=1,
        false_episodes=2,
        normal_rows=1000,
        normal_flagged=30,
        promised=0.01,
        delays=[4],
        rows=1000,
        seconds=0.5,
    )
    many = structs.replace(one, events=9, events_found=0, delays=[], normal_rows=3000, normal_flagged=10)
    found = summaries({"ours": {"cars": [one, many]}})["ours"]["cars"]
    assert found["event_recall"] == 0.1
    assert found["false_episodes_per_1000"] == 1.0
    assert found["delay_rows"] == 4.0
    assert (found["normal_flagged"], found["promised"]) == (0.01, 0.01)
    assert found["vus_pr"] is None
    assert found["events_per_second"] == 2000.0
