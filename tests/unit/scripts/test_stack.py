"""What docker-compose.yml says, as native processes; and whether there is an engine for containers."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from scripts.broker_users import main as add_broker_users
from scripts.brokers.ports import LOCALHOST
from scripts.stack.compose import METRICS_PORT, PAGE_PORT, Profile, is_job, services
from scripts.stack.containers import find_engine, smoke
from scripts.stack.containers import main as try_containers

BROKER = ("127.0.0.1", 23456)


def native(profile: str, directory: Path) -> Profile:
    return Profile(profile, directory, BROKER, {"BESIDE": "yes"})


@pytest.mark.parametrize("profile", ["mqtt", "secure", "kafka"])
def test_a_profile_has_all_its_programs_the_notifier_and_no_broker(profile: str, tmp_path: Path) -> None:
    expected = {f"{name}-{profile}" for name in ("dataflow", "recorder", "notifier", "page", "simulator")}
    expected |= {"dataflow-kafka-1"} if profile == "kafka" else set()
    assert native(profile, tmp_path).programs.keys() == expected


@pytest.mark.parametrize("profile", ["mqtt", "secure", "kafka"])
def test_nothing_of_a_container_is_left_in_commands_and_variables(profile: str, tmp_path: Path) -> None:
    for program in native(profile, tmp_path).programs.values():
        text = " ".join([*program.command, *program.variables.values()])
        assert not re.search(r"(?<!\S)/var/lib|/run/broker(?!/ca\.pem)", text.replace(str(tmp_path), ""))
        assert not re.search(rf"\b({'|'.join(services())}):\d", text)
        assert "0.0.0.0" not in text
        assert "$$" not in text
        assert program.variables["BESIDE"] == "yes"


def test_programs_share_directories_and_ports_as_services_share_volumes_and_names(tmp_path: Path) -> None:
    profile = native("kafka", tmp_path)
    first, second = profile.programs["dataflow-kafka"], profile.programs["dataflow-kafka-1"]
    recovery = tmp_path / "volumes" / "dataflow-kafka" / "recovery"

    assert recovery.is_dir()
    assert recovery.stat().st_mode & 0o077 == 0
    assert first.command == second.command
    assert f"-r {recovery} " in first.command[-1]
    assert first.variables["FLEET_ADDRESSES"] == second.variables["FLEET_ADDRESSES"]
    ports = {program.variables["FLEET__MONITORING__PORT"] for program in (first, second)}
    assert len(ports) == 2
    scraped = profile.page.variables["FLEET__PAGE__METRICS"]
    assert all(f"http://{LOCALHOST}:{port}/metrics" in scraped for port in ports)
    assert profile.page.command[-1] == str(profile.port("page-kafka", PAGE_PORT))


def test_the_smoke_test_asks_every_job_and_the_page(tmp_path: Path) -> None:
    profile = native("secure", tmp_path)
    jobs = [name for name in profile.programs if is_job(name)]

    assert len(jobs) == 3
    page, ready = f"http://localhost:{profile.port('page-secure', PAGE_PORT)}", "--ready"
    asked = [f"http://localhost:{profile.port(job, METRICS_PORT)}/ready" for job in jobs]
    assert profile.addresses == ["--page", page, ready, *asked]


def test_each_program_gets_the_password_of_its_role_that_was_written_for_compose(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / ".broker" / "passwords"
    add_broker_users(["--roles", "--environment", "--vehicle", "VEH-1", "--file", str(file)])
    programs = native("secure", tmp_path).programs

    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed] == ["VEH-1"]
    assert (file.parent / "dataflow.env").stat().st_mode & 0o777 == 0o600
    assert programs["dataflow-secure"].variables["FLEET__MQTT__USERNAME"] == "dataflow"
    page = programs["page-secure"].variables
    assert page["FLEET__MQTT__USERNAME"] == "page"
    assert page["FLEET__PAGE__DISPATCHER__USERNAME"] == "page-dispatcher"
    assert page["FLEET__PAGE__OPERATOR__USERNAME"] == "page-operator"
    assert len({value for key, value in page.items() if key.endswith("PASSWORD")}) == 3
    assert page["FLEET__MQTT__TLS__CA_FILE"] == str(file.parent / "ca.pem")


def test_settings_of_ours_do_not_reach_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET__MQTT__PORT", "1")
    monkeypatch.setenv("FLEET_CONFIG", "mine.toml")
    environment = native("mqtt", tmp_path).programs["dataflow-mqtt"].environment

    assert "FLEET_CONFIG" not in environment
    assert (environment["FLEET__MQTT__HOST"], environment["FLEET__MQTT__PORT"]) == (BROKER[0], str(BROKER[1]))


def program(directory: Path, name: str, script: str) -> None:
    file = directory / name
    file.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    file.chmod(0o755)


def test_without_an_engine_containers_are_skipped_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    program(tmp_path, "docker", "echo 'warning' >&2; echo 'no daemon' >&2; exit 1")
    try_containers()

    assert capsys.readouterr().out == (
        "containers: skipped: `docker info` failed: no daemon; podman is not installed\n"
    )


def test_an_engine_is_one_that_answers_and_has_compose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")
    program(tmp_path, "docker", 'test "$1" = info')
    program(tmp_path, "podman", "exit 0")

    assert find_engine() == ["podman", "compose"]


def test_in_containers_the_smoke_test_runs_as_the_page_and_asks_every_job_of_the_profile() -> None:
    words = smoke("kafka")

    assert words[0] == "run"
    assert "page-kafka" in words
    ready = words[words.index("--ready") + 1 :]
    assert ready == [
        f"http://{job}:9464/ready" for job in ("dataflow-kafka", "dataflow-kafka-1", "recorder-kafka")
    ]
