"""The settings: which source overrides which, and one-line errors that name the key and what was expected."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError

from config.alert_settings import ChannelSettings, MaintenanceWindow
from config.errors import SettingsError
from config.settings import DEFAULT_FILE, Settings, SignalSettings, load

Overlay = Callable[[str], Path]
PASSWORD = "correct horse"


@pytest.fixture(autouse=True)
def _without_settings_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in list(os.environ):
        if variable.upper().startswith("FLEET"):
            monkeypatch.delenv(variable)


@pytest.fixture
def overlay(tmp_path: Path) -> Overlay:
    """Writes a settings file and returns its path."""

    def write(text: str) -> Path:
        path = tmp_path / "other.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def error_of(file: Path | None = None) -> str:
    """The message of the error that loading raises: a single line."""
    with pytest.raises(SettingsError) as caught:
        load(file)
    message = str(caught.value)
    assert "\n" not in message
    return message


# Defaults


def test_the_default_file_is_complete_and_valid() -> None:
    settings = load()
    assert settings.mqtt.port == 1883
    assert settings.mqtt.username is None
    assert "speed" in settings.scored_signals
    assert "latitude" not in settings.scored_signals


def test_every_key_of_the_default_file_has_a_comment() -> None:
    described: set[tuple[str, str]] = set()
    section = ""
    for number, line in enumerate(DEFAULT_FILE.read_text(encoding="utf-8").splitlines(), 1):
        if header := re.fullmatch(r"\[([^]]+)\]", line.strip()):
            section = re.sub(r"^signals\..*", "signals.*", header[1])
        elif key := re.match(r"(\w+) *=", line):
            value_and_comment = line.split("=", 1)[1]
            has_comment = bool(re.search(r'(?:"[^"]*"|[^"#]+)\s*#\s*\S', value_and_comment))
            if has_comment:
                described.add((section, key[1]))
            assert (section, key[1]) in described, f"line {number}: {line} has no comment"


SHOWN_AS_EXAMPLES = {"alerts.maintenance": MaintenanceWindow, "notify.channels": ChannelSettings}
"""Tables that the default file has none of: it shows one in a comment."""


def test_the_default_file_has_every_key() -> None:
    def missing(model: type[BaseModel], table: dict[str, Any], path: str) -> list[str]:
        found = []
        for name, field in model.model_fields.items():
            kind = field.annotation
            if name not in table:
                found.append(f"{path}{name}")
            elif isinstance(kind, type) and issubclass(kind, BaseModel):
                found += missing(kind, table[name], f"{path}{name}.")
            elif SignalSettings in get_args(kind):
                first = next(iter(table[name].values()))
                found += missing(SignalSettings, first, f"{path}{name}.*.")
        return found

    table = tomllib.loads(DEFAULT_FILE.read_text(encoding="utf-8"))
    assert set(missing(Settings, table, "")) == set(SHOWN_AS_EXAMPLES)


@pytest.mark.parametrize(("path", "model"), SHOWN_AS_EXAMPLES.items())
def test_tables_that_the_default_file_lacks_are_shown_in_a_comment(path: str, model: type[BaseModel]) -> None:
    text = DEFAULT_FILE.read_text(encoding="utf-8")
    header = next(line for line in text.splitlines() if re.match(rf"#\s+\[+{re.escape(path)}\b", line))
    comment = text.partition(header)[2].partition("\n\n")[0]
    assert {name for name in model.model_fields if not re.search(rf"\b{name} = ", comment)} == set()


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load().mqtt.port = 1884


# Overlays


def test_a_file_overrides_the_defaults_and_needs_only_the_keys_that_differ(overlay: Overlay) -> None:
    settings = load(overlay('[mqtt]\nhost = "broker"\n[mqtt.tls]\nenabled = true\n'))
    assert settings.mqtt.host == "broker"
    assert settings.mqtt.tls.enabled
    assert settings.mqtt.port == load().mqtt.port
    assert settings.signals == load().signals


def test_a_signal_catalogue_replaces_the_default_catalogue(overlay: Overlay) -> None:
    settings = load(overlay('[signals.b]\npointer = "/b"\n[signals.a]\npointer = "/a"\nscored = false\n'))
    assert list(settings.signals) == ["b", "a"]
    assert settings.scored_signals == ["b"]


def test_an_environment_variable_names_the_file(overlay: Overlay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET_CONFIG", str(overlay("[mqtt]\nport = 1\n")))
    assert load().mqtt.port == 1


def test_an_environment_variable_overrides_the_file(
    overlay: Overlay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEET__MQTT__PORT", "1884")
    monkeypatch.setenv("FLEET__MQTT__TLS__ENABLED", "true")
    settings = load(overlay('[mqtt]\nport = 1\nhost = "broker"\n'))
    assert (settings.mqtt.port, settings.mqtt.host, settings.mqtt.tls.enabled) == (1884, "broker", True)


def test_an_environment_variable_overrides_one_key_of_a_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET__SIGNALS__SPEED__MAX", "99")
    settings = load()
    assert settings.signals["speed"].max == 99.0
    assert settings.signals["speed"].pointer == "/speed"
    assert list(settings.signals) == list(tomllib.loads(DEFAULT_FILE.read_text(encoding="utf-8"))["signals"])


@pytest.mark.parametrize(
    "variable", ["FLEET__MQTT__USERNAME", "FLEET__PAYLOAD__TIME", "FLEET__RECORDING__INPUT"]
)
def test_the_empty_string_unsets_an_optional_key(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "")
    _, section, key = variable.lower().split("__")
    assert getattr(getattr(load(), section), key) is None


# Errors


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[mqtt]\nprot = 1883", "mqtt.prot: unknown key; remove it or correct its name"),
        ("[mqqt]\nport = 1883", "mqqt: unknown key; remove it or correct its name"),
        ("[mqtt]\nport = 70000", "mqtt.port: Input should be less than or equal to 65535, got 70000"),
        (
            '[payload]\nlayout = "csv"',
            "payload.layout: Input should be 'event', 'list', 'map' or 'series', got",
        ),
        (
            '[payload]\ntime_format = "%Y-%m-%d %H:%m:%S"',
            "payload.time_format: expected a pattern of Python's strptime: ",
        ),
        (
            '[payload]\ntime_format = "%Y-%m-%d %H:%M:%S %Z"',
            "payload.time_format: expected a pattern with %z for an offset, or time_zone, got %Z",
        ),
        ('[payload]\ntime = "ts"', "payload.time: expected a JSON pointer such as '/speed': "),
        (
            '[payload]\nvehicle_id = "key"',
            "payload.vehicle_id = 'key' needs payload.layout = 'map', or messages with keys",
        ),
        ('[signals.a]\npointer = "/a~2"', "signals.a.pointer: expected a JSON pointer such as '/speed': "),
        (
            '[signals.a]\npointer = "/a"\nmin = 2\nmax = 1',
            "signals.a: expected min < max, got min = 2.0 and max = 1.0",
        ),
        (
            '[signals.a]\npointer = "/a"\nscored = false',
            'signals: expected at least one signal with role = "target", got none',
        ),
        (
            '[kafka]\nbootstrap = "broker:abc"',
            "kafka.bootstrap: expected host:port, or several of them separated by commas, got 'broker:abc'",
        ),
        ("[kafka]\nbatch_size = 1000001", "kafka.batch_size: Input should be less than or equal to 1000000"),
        ('[kafka]\nusername = "fleet"', "kafka: expected a password for the user, got none"),
        (
            '[kafka.tls]\nenabled = true\nca_file = "nowhere.pem"',
            "kafka: tls.ca_file: expected a PEM file, found none at 'nowhere.pem'",
        ),
        (
            '[source]\nkind = "kafka"',
            "topics.telemetry: expected a Kafka topic of letters, digits, '.', '_' and '-', got 'fleet/telem",
        ),
        ("port = = 1", "expected TOML: "),
    ],
)
def test_an_error_names_the_file_the_key_and_what_was_expected(
    overlay: Overlay, text: str, expected: str
) -> None:
    path = overlay(text)
    assert error_of(path).startswith(f"{path}: {expected}")


def test_a_pointer_to_the_whole_event_is_an_error(overlay: Overlay) -> None:
    assert "got the whole document ''" in error_of(overlay('[signals.a]\npointer = ""'))


def test_all_errors_are_reported_together(overlay: Overlay) -> None:
    message = error_of(overlay('[mqtt]\nport = 0\n[payload]\nlayout = "csv"\n'))
    assert "mqtt.port: " in message
    assert "; payload.layout: " in message


def test_the_error_for_a_missing_file_names_it(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    assert error_of(path).startswith(f"cannot read the settings file {path}: No such file or directory; ")


def test_the_error_for_a_binary_file_names_it(tmp_path: Path) -> None:
    path = tmp_path / "binary.toml"
    path.write_bytes(b"\xff\xfe")
    assert error_of(path).startswith(f"{path}: expected TOML: ")


def test_a_wrong_value_in_the_environment_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET__MQTT__PORT", "many")
    assert "mqtt.port: Input should be a valid integer" in error_of()


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ("FLEET__MQQT__PORT", "FLEET__MQQT__PORT: unknown section 'mqqt', expected one of source, sink, "),
        ("FLEET__MQTT__PROT", f"{DEFAULT_FILE}: mqtt.prot: unknown key; "),
        ("FLEET__MQTT", f"{DEFAULT_FILE}: error parsing value for field"),
    ],
)
def test_a_variable_that_names_no_key_is_an_error(
    variable: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "1884x")
    assert error_of().startswith(expected)


@pytest.mark.parametrize(
    "text",
    [
        f'[mqtt]\npassword = ["{PASSWORD}"]',
        f'[mqtt.password]\nvalue = "{PASSWORD}"',
        f'[mqtt]\npassword = "{PASSWORD}"\nport = 0',
        f'[mqtt]\npasword = "{PASSWORD}"',
        f'[mqtt]\npassword = "{PASSWORD}"\n[signals.a]\npointer = "/a"\nscored = false',
        f'[mqtt]\npassword = "{PASSWORD}"\n[payload]\nvehicle_id = "key"',
        f'[notify]\nchannels = "mailtos://user:{PASSWORD}@example.com"',
        f'[notify.channels]\nmail = "mailtos://user:{PASSWORD}@example.com"',
        f'[notify.channels.mail]\nurl = ["{PASSWORD}"]',
        f'[notify.channels.mail]\nurl = {{mail = "{PASSWORD}"}}',
        f'[notify.channels.mail]\nurl = "json://{PASSWORD}"\nquiet = "22-6"',
        f'[notify.channels.mail]\nurl = "json://{PASSWORD}"\nseverity = "json://{PASSWORD}"',
        f'[notify.channels.mail]\nadress = "mailtos://user:{PASSWORD}@example.com"',
    ],
)
def test_no_error_shows_the_password(overlay: Overlay, text: str) -> None:
    assert PASSWORD not in error_of(overlay(text))


def test_printed_settings_do_not_show_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET__MQTT__PASSWORD", PASSWORD)
    monkeypatch.setenv("FLEET__NOTIFY__CHANNELS__MAIL__URL", f"mailtos://user:{PASSWORD}@example.com")
    settings = load()
    assert PASSWORD in settings.notify.channels["mail"].url.get_secret_value()
    assert settings.mqtt.password is not None
    assert settings.mqtt.password.get_secret_value() == PASSWORD
    assert PASSWORD not in f"{settings!r} {settings}"
