"""The package that `python -m build` makes: its programs work outside of the checkout."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
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


@pytest.mark.slow
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


SAY_OPTIONS = """
import json, pathlib, signal

def say(*_):
    from streamlit.config import get_option
    pathlib.Path("asked").write_text(json.dumps({name: get_option(name) for name in %r}))
    pathlib.Path("asked").rename("options.json")

signal.signal(signal.SIGUSR1, say)
"""
"""A `sitecustomize` with which a server writes down its options when it gets a signal."""


@pytest.fixture
def page_elsewhere(
    installed: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The process of a page that is started outside of the checkout, and its port."""
    settings = tomllib.loads((REPOSITORY / "ui" / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    (elsewhere / "sitecustomize.py").write_text(SAY_OPTIONS % sorted(_options(settings)), encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (installed, elsewhere))))
    port = free_port()
    page = subprocess.Popen(
        [installed / "bin" / "fleet-page", "--server.port", str(port)],
        cwd=elsewhere,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: _answers(f"http://127.0.0.1:{port}/_stcore/health"), "the page", PATIENCE)
        yield page, port
    finally:
        page.kill()
        page.wait()


def test_the_page_is_served_with_its_own_theme_and_options(
    page_elsewhere: tuple[subprocess.Popen[bytes], int], elsewhere: Path
) -> None:
    page, port = page_elsewhere
    assert _answers(f"http://127.0.0.1:{port}/assets/push.js")
    settings = tomllib.loads((REPOSITORY / "ui" / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    page.send_signal(signal.SIGUSR1)
    wait_until((elsewhere / "options.json").exists, "the options of the page", PATIENCE)
    options = json.loads((elsewhere / "options.json").read_text(encoding="utf-8"))
    assert options == _options(settings)
    assert options["runner.postScriptGC"] is False
    assert options["theme.light.primaryColor"].startswith("#")


def test_only_this_machine_reaches_the_page_of_an_installed_package(
    page_elsewhere: tuple[subprocess.Popen[bytes], int],
) -> None:
    """127.0.0.2 is an address of this machine, too: who listens on all addresses answers there."""
    _, port = page_elsewhere
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.2", port), timeout=5):
        pass


def _options(settings: dict[str, Any], section: str = "") -> dict[str, Any]:
    """Settings of Streamlit by their whole names, such as ``theme.light.primaryColor``."""
    options: dict[str, Any] = {}
    for key, value in settings.items():
        options |= _options(value, f"{section}{key}.") if isinstance(value, dict) else {section + key: value}
    return options


def _answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
