"""The extras of pyproject.toml: what each program needs is in its extra, and nothing else is."""

from __future__ import annotations

import json
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from config.errors import RecordingError
from config.extras import EXTRAS, hint
from dataflows.recordings import open_recording
from scripts.licences import shipped
from tests.support.installed_packages import run_with
from tests.support.paths import REPOSITORY

with (REPOSITORY / "pyproject.toml").open("rb") as file:
    PROJECT = tomllib.load(file)["project"]

OPTIONAL = PROJECT["optional-dependencies"]
FOR_DEVELOPMENT = {"bench", "dev", "peers"}


def named(extra: str) -> set[str]:
    return {canonicalize_name(Requirement(text).name) for text in OPTIONAL[extra]}


def test_everything_is_one_extra() -> None:
    (everything,) = map(Requirement, OPTIONAL["all"])
    assert everything.name == PROJECT["name"]
    assert everything.extras == OPTIONAL.keys() - {"all", *FOR_DEVELOPMENT}


def test_every_package_that_a_program_may_miss_has_the_extra_that_brings_it() -> None:
    alone = set(shipped(""))
    optional = {name for extra in OPTIONAL.keys() - FOR_DEVELOPMENT for name in named(extra)}
    distributions = packages_distributions()
    for package, extra in EXTRAS.items():
        (distribution,) = {canonicalize_name(name) for name in distributions[package]}
        assert distribution in named(extra)
        assert distribution not in alone
        optional.discard(distribution)
    assert optional == {PROJECT["name"]}


def test_the_job_scores_with_the_packages_of_a_job_alone(tmp_path: Path) -> None:
    arguments = ("--vehicles", "4", "--duration", "20", "--output", "trip.jsonl")
    simulated = run_with("", "sim", *arguments, directory=tmp_path)
    assert simulated.returncode == 0, simulated.stderr

    scored = run_with(
        "",
        "bytewax.run",
        "dataflows.fleet",
        directory=tmp_path,
        FLEET__SOURCE__KIND="recording",
        FLEET__SINK__KIND="recording",
        FLEET__RECORDING__INPUT="trip.jsonl",
        FLEET__RECORDING__RESULTS="results",
    )
    assert scored.returncode == 0, scored.stderr
    lines = (tmp_path / "results" / "enriched.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 80
    assert "is_anomaly" in json.loads(lines[-1])


@pytest.mark.parametrize(
    ("extra", "module"),
    [
        ("notify", "dataflows.notification.services"),
        ("notify", "dataflows.notification.step"),
        ("history", "dataflows.record"),
        ("history", "dataflows.report.day"),
        ("page", "ui.page"),
        ("page", "ui.login.sessions"),
        ("page", "ui.live.kafka_feed"),
        ("backtest", "dataflows.backtest.report"),
        ("", "dataflows.score.river.kinds"),
        ("", "sim.region.road_graph"),
    ],
)
def test_a_program_needs_no_package_outside_of_its_extra(extra: str, module: str) -> None:
    done = run_with(extra, module)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("module", "package", "extra"),
    [
        ("dataflows.history", "pyarrow", "history"),
        ("dataflows.backtest", "sklearn", "backtest"),
        ("ui.login", "argon2", "page"),
    ],
)
def test_a_program_without_its_extra_says_in_one_line_what_to_install(
    module: str, package: str, extra: str
) -> None:
    done = run_with("", module, "--help")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"expected the package {package}, which is not installed")
    assert f"pip install 'fleet-telemetry[{extra}]'" in line


def test_a_job_without_its_extra_says_in_one_line_what_to_install() -> None:
    done = run_with("", "bytewax.run", "dataflows.record")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "pip install 'fleet-telemetry[history]'" in line


def test_an_error_in_our_own_imports_is_no_missing_extra() -> None:
    assert hint(ImportError("no", name="dataflows.nothing")) is None
    assert hint(ImportError("no")) is None


def test_a_parquet_recording_without_its_package_is_an_error_of_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "trip.parquet").touch()
    monkeypatch.delitem(sys.modules, "dataflows.recordings.parquet", raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(RecordingError, match=r"pip install 'fleet-telemetry\[history\]'"):
        open_recording(tmp_path / "trip.parquet")
