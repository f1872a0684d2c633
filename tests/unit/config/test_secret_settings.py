"""No error about settings, and no dump of them, repeats a secret, whatever is wrong."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr

from config.errors import SettingsError
from config.settings import Settings, load
from tests.support.secrets import SECRET, SECRET_SETTINGS, kinds, secret_settings


@pytest.fixture(autouse=True)
def no_settings_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in list(os.environ):
        if variable.startswith("FLEET"):
            monkeypatch.delenv(variable)


def keys(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, field in model.model_fields.items():
        yield (*path, name)
        for kind in kinds(field.annotation):
            if issubclass(kind, BaseModel):
                yield from keys(kind, (*path, name))


def test_every_key_with_the_name_of_a_secret_is_one() -> None:
    named = {key for key in keys(Settings) if re.search(r"password$|secret|token|^url$", key[-1])}
    assert named == set(secret_settings())
    assert {("mqtt", "password"), ("notify", "channels", "url")} <= named


@pytest.mark.parametrize("variable", SECRET_SETTINGS)
def test_a_dump_of_the_settings_hides_it(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRET_SETTINGS[variable].items():
        monkeypatch.setenv(name, value)
    settings = load()
    said = [repr(settings), str(settings), settings.model_dump_json(), str(settings.model_dump())]
    assert SECRET not in "".join(said)


def test_options_of_librdkafka_are_not_in_the_representation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET__KAFKA__LIBRDKAFKA", f'{{"ssl.key.password": "{SECRET}"}}')
    assert SECRET not in repr(load())


WRONG = [
    {"FLEET__MQTT__PORT": "soon"},
    {"FLEET__MQTT__PASWORD": SECRET},
    {"FLEET__PASSWORD": SECRET},
    {"FLEET__MQTT": SECRET},
    {"FLEET__MQTT": f'{{"password": "{SECRET}"'},
    {"FLEET__MQTT": f'{{"pasword": "{SECRET}"}}'},
    {"FLEET__MQTT__PASSWORD": "x", "FLEET__MQTT__HOST": f"mqtt://user:{SECRET}@broker.example"},
    {"FLEET__MQTT__HOST": f"{SECRET}@broker.example"},
    {"FLEET__KAFKA__BOOTSTRAP": f"user:{SECRET}@broker.example:9092"},
    {"FLEET__KAFKA__BOOTSTRAP": f"{SECRET}@broker.example:9092"},
    {"FLEET__KAFKA__BOOTSTRAP": f"SASL_SSL://{SECRET}:9092"},
    {"FLEET__KAFKA__PASSWORD": SECRET, "FLEET__KAFKA__PARTITIONS": "0"},
    {"FLEET__KAFKA__PASSWORD": SECRET, "FLEET__KAFKA__TLS": '{"enabled": true, "ca_file": "no"}'},
    {"FLEET__KAFKA__LIBRDKAFKA": f'{{"sasl.password": ["{SECRET}"]}}'},
    {"FLEET__KAFKA__LIBRDKAFKA": f'{{"ssl.key.pem": {{"a": "{SECRET}"}}}}'},
    {"FLEET__KAFKA__LIBRDKAFKA": SECRET},
    {"FLEET__PAGE__DISPATCHER": SECRET},
    {"FLEET__PAGE__DISPATCHER__PASSWORD": SECRET},
    {"FLEET__PAGE__OPERATOR__PASSWORD": SECRET},
    {"FLEET__PAGE__METRICS": f'["http://user:{SECRET}@job.example/metrics"]'},
    {"FLEET__PAGE__METRICS": f'["{SECRET}@job.example/metrics"]'},
    {"FLEET__NOTIFY__CHANNELS": SECRET},
    {"FLEET__NOTIFY__CHANNELS": f'"tgram://{SECRET}/1"'},
    {"FLEET__NOTIFY__CHANNELS": f'["tgram://{SECRET}/1"]'},
    {"FLEET__NOTIFY__CHANNELS__DISPATCH": f"tgram://{SECRET}/1"},
    {"FLEET__NOTIFY__CHANNELS__DISPATCH": SECRET},
    {"FLEET__NOTIFY__CHANNELS__DISPATCH__URL__OF": SECRET},
    {"FLEET__NOTIFY__CHANNELS__DISPATCH__URL": SECRET, "FLEET__NOTIFY__CHANNELS__DISPATCH__QUIET": "never"},
    {"FLEET__NOTIFY__CHANNELS__DISPATCH__TOKEN": SECRET},
    {"FLEET__HISTORY__DIRECTORY": f"s3://user:{SECRET}@bucket/history"},
    {"FLEET__HISTORY__DIRECTORY": f"s3://bucket/history?secret={SECRET}"},
]


@pytest.mark.parametrize("variables", WRONG, ids=lambda variables: "-".join(variables))
def test_an_error_about_a_variable_does_not_repeat_it(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"FLEET__MQTT__PASSWORD": SECRET, **variables}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        load()
    assert SECRET not in str(refused.value)
    assert "\n" not in str(refused.value)


WRONG_FILES = [
    f"[mqtt]\npassword = {SECRET}\n",
    f'[mqtt]\npassword = "{SECRET}\n',
    f'[mqtt]\npassword = ["{SECRET}"]\n',
    f'[mqtt]\npasword = "{SECRET}"\n',
    f'[mqtt]\npassword = "{SECRET}"\npassword = "{SECRET}"\n',
    f'[mqtt]\npassword = "{SECRET}"\nport = 0\n',
    f'[[mqtt]]\npassword = "{SECRET}"\n',
    f'mqtt = "{SECRET}"\n',
    f'mqtt = ["{SECRET}"]\n',
    f'[kafka]\nlibrdkafka = "{SECRET}"\n',
    f'[kafka.librdkafka]\n"sasl.password" = ["{SECRET}"]\n',
    f'[page]\noperator = "{SECRET}"\n',
    f'[notify.channels]\ndispatch = "{SECRET}"\n',
    f'[[notify.channels]]\nurl = "{SECRET}"\n',
    f'[notify.channels.dispatch]\nurl = ["{SECRET}"]\n',
    f'[notify.channels.a]\nURL = "{SECRET}"\n',
]


@pytest.mark.parametrize("text", WRONG_FILES)
def test_an_error_about_a_file_does_not_repeat_it(text: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        load(file)
    assert SECRET not in str(refused.value)


def test_a_secret_type_shows_nothing() -> None:
    """What the tests above rely on."""
    assert SECRET not in f"{SecretStr(SECRET)!r}{SecretStr(SECRET)}"
