"""The package that `python -m build` makes: its programs work outside of the checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.request import urlopen

import pytest

from scripts.brokers.ports import free_port
from scripts.waiting import wait_until
from tests.support.page_process import PATIENCE
from tests.support.paths import REPOSITORY

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

EVENTS, VEHICLES = 200, 4


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the package and its programs; what it needs is where the tests find it too."""
    work = tmp_path_factory.mktemp("package")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, work)
    for package in ("config", "dataflows", "sim", "ui"):
        shutil.copytree(REPOSITORY / package, work / package, ignore=shutil.ignore_patterns("__pycache__"))
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "wheels", "."]
    subprocess.run(build, cwd=work, check=True, capture_output=True)
    (wheel,) = (work / "wheels").glob("*.whl")
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", "installed"]
    subprocess.run([*install, str(wheel)], cwd=work, check=True, capture_output=True)
    return work / "installed"


@pytest.fixture
def elsewhere(installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory that is worked in, with a `config` of its own that is not ours."""
    monkeypatch.setenv("PYTHONPATH", str(installed))
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "__init__.py").write_text("raise RuntimeError('not ours')", encoding="utf-8")
    return tmp_path


def run(installed: Path, directory: Path, program: str, *arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [installed / "bin" / program, *arguments],
        cwd=directory,
        env=os.environ | environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_every_program_says_what_it_does(installed: Path, elsewhere: Path) -> None:
    with (REPOSITORY / "pyproject.toml").open("rb") as file:
        programs = tomllib.load(file)["project"]["scripts"]
    assert {program.name for program in (installed / "bin").glob("fleet-*")} == set(programs)
    for program in programs:
        assert "usage" in run(installed, elsewhere, program, "--help").lower(), program


def test_a_recording_is_simulated_and_scored_with_settings_of_ones_own(
    installed: Path, elsewhere: Path
) -> None:
    settings = '[source]\nkind = "recording"\n[sink]\nkind = "recording"\n[recording]\ninput = "trip.jsonl"\n'
    (elsewhere / "mine.toml").write_text(settings, encoding="utf-8")
    seconds = str(EVENTS // VEHICLES)
    arguments = ("--vehicles", str(VEHICLES), "--duration", seconds, "--output", "trip.jsonl")
    run(installed, elsewhere, "fleet-sim", *arguments)
    run(installed, elsewhere, "fleet-score", FLEET_CONFIG="mine.toml")
    lines = (elsewhere / "results" / "enriched.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == EVENTS
    assert {"reconstruction_error", "is_anomaly"} <= json.loads(lines[-1]).keys()


def test_the_page_is_served_with_its_own_theme(installed: Path, elsewhere: Path) -> None:
    port = free_port()
    page = subprocess.Popen(
        [installed / "bin" / "fleet-page", "--server.port", str(port)],
        cwd=elsewhere,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        address = f"http://127.0.0.1:{port}"
        wait_until(lambda: _answers(f"{address}/_stcore/health"), "the page", PATIENCE)
        assert _answers(f"{address}/assets/push.js")
    finally:
        page.kill()
        page.wait()


def _answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
