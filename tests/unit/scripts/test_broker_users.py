"""The password file of the broker, which only mosquitto may read."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from config.errors import SettingsError
from config.settings import DEFAULT_FILE, load
from scripts.broker_users import ANSWERS, ROLES, add_users, check_vehicle, main
from scripts.brokers.mosquitto import program
from tests.support.needs import need


def users_of(file: Path) -> list[str]:
    return [line.split(":")[0] for line in file.read_text().splitlines()]


def test_every_user_gets_a_different_password_and_the_file_holds_only_hashes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "made" / "passwords"
    main(["--file", str(file), "--roles", "--vehicle", "VEH-0001", "--vehicle", "Käfer-2"])
    printed = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert list(printed) == users_of(file) == [*ROLES, "VEH-0001", "Käfer-2"]
    assert len(set(printed.values())) == len(printed)
    assert all(len(password) >= 24 for password in printed.values())
    assert not any(password in file.read_text() for password in printed.values())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert list(file.parent.iterdir()) == [file]


def test_an_existing_user_gets_a_new_password_and_the_others_keep_theirs(tmp_path: Path) -> None:
    file = tmp_path / "passwords"
    first = add_users(file, ["page", "dataflow"])
    before = file.read_text().splitlines()
    second = add_users(file, ["page", "VEH-1"])
    after = file.read_text().splitlines()
    assert users_of(file) == ["page", "dataflow", "VEH-1"]
    assert first["page"] != second["page"]
    assert before[0] != after[0]
    assert before[1] == after[1]


def test_users_added_with_mosquitto_passwd_are_kept(tmp_path: Path) -> None:
    need("mosquitto")
    tool = program("mosquitto_passwd")
    file = tmp_path / "passwords"
    subprocess.run([tool, "-c", "-b", str(file), "old", "secret"], check=True, capture_output=True)
    line = file.read_text()
    add_users(file, ["new"])
    assert file.read_text().startswith(line)
    subprocess.run([tool, "-D", str(file), "old"], check=True, capture_output=True)
    assert users_of(file) == ["new"]


@pytest.mark.parametrize(
    "name", ["", "+", "#", "a/b", "a:b", "a b", "a\nroot:x", "a\x00", "\u202eabc", "x" * 257, "\ud800"]
)
def test_a_vehicle_id_that_is_not_one_topic_level_and_one_line_cannot_be_a_user(name: str) -> None:
    with pytest.raises(SettingsError, match="expected a vehicle id"):
        check_vehicle(name)


@pytest.mark.parametrize("role", ROLES)
def test_no_vehicle_gets_the_permissions_of_a_role_by_its_name(role: str) -> None:
    assert f"\nuser {role}\n" in DEFAULT_FILE.with_name("mosquitto.acl").read_text()
    with pytest.raises(SettingsError, match="is the name of a role"):
        check_vehicle(role)


def test_no_vehicle_is_called_like_the_topic_of_answers_to_commands() -> None:
    assert load(DEFAULT_FILE).command_answers_topic.rpartition("/")[2] == ANSWERS
    with pytest.raises(SettingsError, match="expected a vehicle id, got 'ack': commands to this vehicle"):
        check_vehicle(ANSWERS)


def test_a_file_that_is_not_a_password_file_is_reported_and_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "passwords"
    file.write_text("page:in the clear\n")
    with pytest.raises(SystemExit, match="1"):
        main(["--file", str(file), "--roles"])
    said = capsys.readouterr()
    assert said.err == f"broker_users: {file}:1: expected a line USER:HASH, as mosquitto_passwd writes it\n"
    assert said.out == ""
    assert file.read_text() == "page:in the clear\n"
