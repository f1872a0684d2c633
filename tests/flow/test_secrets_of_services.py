"""No program prints a secret of librdkafka, of a channel or of the page's login that is wrong or refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.brokers.mosquitto import StartMosquitto
from scripts.brokers.ports import free_port
from scripts.waiting import DEADLINE, wait_until
from tests.support.alerts import make_alert
from tests.support.environment import without_settings
from tests.support.notification_servers import webhook
from tests.support.notify_job import NotifyJobOverMqtt
from tests.support.paths import REPOSITORY
from tests.support.secrets import SECRET, SECRET_SETTINGS

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

JOBS = ("dataflows.fleet", "dataflows.record", "dataflows.notify")

QUICKLY = {"FLEET__MQTT__CONNECT_TIMEOUT": "1", "FLEET__KAFKA__CONNECT_TIMEOUT": "2"}

ALL_SECRETS = {name: value for variables in SECRET_SETTINGS.values() for name, value in variables.items()}
"""Every secret at once."""


def command(program: str) -> list[str]:
    job = ["-m", "bytewax.run", program]
    return [sys.executable, *(job if program in JOBS else ["-m", program])]


def environment(form: str, level: str, **variables: str) -> dict[str, str]:
    logs = {"FLEET__LOGGING__FORMAT": form, "FLEET__LOGGING__LEVEL": level}
    return without_settings() | QUICKLY | ALL_SECRETS | logs | variables


def said(program: str, directory: Path, variables: dict[str, str]) -> str:
    """What a program says until it ends, which it does with an error."""
    done = subprocess.run(
        command(program),
        cwd=REPOSITORY,
        env=variables | {"FLEET__HISTORY__DIRECTORY": str(directory / "history")},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    output = done.stdout + done.stderr
    assert done.returncode == 1, output
    assert output
    return output


@pytest.mark.parametrize("program", [*JOBS, "sim"])
def test_an_option_that_librdkafka_refuses_is_not_repeated(program: str, tmp_path: Path) -> None:
    options = f'{{"sasl.pasword": "{SECRET}", "ssl.key.pem": "{SECRET}"}}'
    kafka = {
        "FLEET__SOURCE__KIND": "kafka",
        "FLEET__SINK__KIND": "kafka",
        "FLEET_CONFIG": "config/kafka.toml",
    }
    variables = environment("text", "debug", FLEET__KAFKA__LIBRDKAFKA=options, **kafka)
    assert SECRET not in said(program, tmp_path, variables)


@pytest.mark.parametrize("url", [f"nonsense://{SECRET}", f"json://user:{SECRET}@", f"tgram://{SECRET}"])
def test_the_url_of_a_channel_that_is_wrong_is_not_repeated(url: str, tmp_path: Path) -> None:
    variables = environment("text", "debug", FLEET__NOTIFY__CHANNELS__DISPATCH__URL=url)
    output = said("dataflows.notify", tmp_path, variables)
    assert "notify.channels.dispatch.url" in output
    assert SECRET not in output


def test_a_channel_that_refuses_a_message_is_named_without_its_url(
    mosquitto: StartMosquitto, topic: str, tmp_path: Path
) -> None:
    broker = mosquitto()
    with webhook() as hook:
        hook.status = 401
        url = f"json://user:{SECRET}@127.0.0.1:{hook.port}/{SECRET}?-token={SECRET}"
        logs = {"LOGGING__FORMAT": "json", "LOGGING__LEVEL": "debug"}
        job = NotifyJobOverMqtt(broker.settings(), tmp_path, topic, {"web": url}, logs)
        job.start()
        try:
            job.publish(make_alert())
            job.wait_for_log("the service answered with the status 401")
        finally:
            job.kill()
        assert hook.requests
    assert SECRET not in job.log


def _page(directory: Path, variables: dict[str, str]) -> tuple[subprocess.Popen[bytes], Path]:
    log = directory / "page.log"
    with log.open("wb") as output:
        anywhere = ("--server.port", str(free_port()), "--server.address", "")
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "ui", *anywhere],
            cwd=REPOSITORY,
            env=variables,
            stdout=output,
            stderr=output,
        )
    return process, log


@pytest.mark.parametrize(
    ("secrets", "expected"),
    [
        ('[auth]\ncookie_secret = "Wd9xQ"\nclient_secret = "{0}"\n', "[auth] in .streamlit/secrets.toml"),
        # No TOML is no login: then it does not start where others reach it.
        ("[auth]\ncookie_secret = {0}\n", "expected a login for a page that others can reach"),
        (
            '[auth]\nredirect_uri = "http://x/oauth2callback"\ncookie_secret = "Wd9xQ"\nclient_id = "a"\n'
            'client_secret = "{0}"\nserver_metadata_url = "http://127.0.0.1:9/{0}"\n',
            "cookie_secret",
        ),
    ],
)
def test_a_login_of_the_page_that_is_set_up_wrongly_is_refused_without_its_secrets(
    secrets: str, expected: str, tmp_path: Path
) -> None:
    file = tmp_path / "secrets.toml"
    file.write_text(secrets.format(SECRET), encoding="utf-8")
    variables = environment("text", "debug", STREAMLIT_SECRETS_FILES=str(file))
    process, log = _page(tmp_path, variables)
    try:
        wait_until(lambda: process.poll() is not None, "the end of the page", DEADLINE)
    finally:
        process.kill()
        process.wait()
    assert expected in log.read_text()
    assert "Wd9xQ" not in log.read_text()
