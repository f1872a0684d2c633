"""Whether a running stack does what it is for: ``python -m scripts.stack.smoke --page URL --ready URL …``.

The settings are those of its page, in the environment, so that it can be run in the page's container. Where
the broker has users, SMOKE_USERNAME and SMOKE_PASSWORD are one that may publish telemetry; where the page has
a login, SMOKE_LOGIN and SMOKE_LOGIN_PASSWORD are one of its users.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from http.cookiejar import CookieJar
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener, urlopen

import msgspec
import paho.mqtt.client as paho

from config.broker_settings import MqttSettings
from config.mqtt_options import new_client
from config.settings import Settings, load
from dataflows.events.dead_letters import DeadLetter
from scripts.stack.topics import followed, publish
from scripts.waiting import wait_until

TIME_TO_START = 240.0
"""Seconds within which each job must be ready."""

EVENTS = 100
"""Scored events that are waited for."""

VEHICLES = "SMOKE-"
"""Ids of the smoke test's vehicles begin with it."""

HOT = {"engine_temperature": 130.0, "rpm": 2000.0, "speed": 60.0}
"""Above the alarm limit of the shipped catalogue."""

UNAUTHORIZED, REFUSED = 401, 403
"""Statuses of the page without a session, and after a wrong password."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Check everything, and print a line for each check.

    Raises:
        AssertionError: something does not hold, or not in time.
    """
    parser = argparse.ArgumentParser(prog="python -m scripts.stack.smoke", description=__doc__)
    parser.add_argument("--page", required=True, metavar="URL", help="of the page")
    parser.add_argument("--ready", nargs="+", required=True, metavar="URL", help="/ready of each job")
    options = parser.parse_args(arguments)
    settings = load()
    for url in options.ready:
        wait_until(partial(_answers, url), url, TIME_TO_START)
        print(f"smoke: {url} says ready", flush=True)
    check_topics(settings)
    check_page(options.page, settings.page.login.users is not None)
    if settings.mqtt.username is not None:
        check_strangers(settings.mqtt)


def check_topics(settings: Settings) -> None:
    """Events are scored, what cannot be read is a dead letter, and a limit that is passed opens an alert."""
    letters = msgspec.json.Decoder(DeadLetter)
    started, start = time.monotonic(), datetime.now(UTC)
    # Of this run only: the topics may hold what another one has published.
    vehicle = VEHICLES + secrets.token_hex(4)
    garbage = f"no telemetry of {vehicle}".encode()
    with followed(settings) as topics:
        enriched, alerts, dead_letters = topics.names

        def scored() -> bool:
            events = [json.loads(payload) for payload in topics.of(enriched)]
            return sum(datetime.fromisoformat(event["processed_at"]) >= start for event in events) >= EVENTS

        wait_until(scored, f"{EVENTS} scored events on {enriched}")
        print(f"smoke: {EVENTS} scored events within {time.monotonic() - started:.1f} s", flush=True)
        who = {"username": os.environ.get("SMOKE_USERNAME"), "password": os.environ.get("SMOKE_PASSWORD")}
        mqtt = MqttSettings.model_validate(settings.mqtt.model_dump() | who)
        now = datetime.now(UTC).isoformat()
        event = json.dumps({"vehicle_id": vehicle, "ts": now, **HOT}).encode()
        publish(settings, vehicle, [event, garbage], mqtt)
        wait_until(
            lambda: any(letters.decode(payload).payload == garbage for payload in topics.of(dead_letters)),
            f"a dead letter on {dead_letters}",
        )
        print(f"smoke: a dead letter on {dead_letters}", flush=True)

        def alerted() -> bool:
            found = [json.loads(payload) for payload in topics.of(alerts) if payload]
            return any(alert["vehicle_id"] == vehicle and alert["kind"] == "limit" for alert in found)

        wait_until(alerted, f"an alert of {vehicle} on {alerts}")
        print(f"smoke: an alert on {alerts}", flush=True)


def check_page(page: str, has_login: bool) -> None:
    """The page answers; with a login, only to who has one."""
    wait_until(lambda: _answers(f"{page}/_stcore/health"), page)
    opener = build_opener(HTTPCookieProcessor(CookieJar()))
    got = _status(opener, f"{page}/")
    assert got == (UNAUTHORIZED if has_login else 200), f"{page}/ answers a stranger with status {got}"
    if has_login:
        who = {"name": os.environ["SMOKE_LOGIN"], "next": "/"}
        got = _status(opener, f"{page}/login", who | {"password": "not the password"})
        assert got == REFUSED, f"{page}/login answers a wrong password with status {got}"
        got = _status(opener, f"{page}/login", who | {"password": os.environ["SMOKE_LOGIN_PASSWORD"]})
        assert got == 200, f"{page}/login answers the right password with status {got}"
    print(f"smoke: {page} answers{' after a login, and only then' if has_login else ''}", flush=True)


def check_strangers(mqtt: MqttSettings) -> None:
    """The broker refuses who has no password."""
    stranger = mqtt.model_copy(update={"username": None, "password": None})
    client = new_client(paho.Client, stranger, "stranger", persistent=False)
    answered = threading.Event()
    answers: list[str] = []

    def note(_client: paho.Client, _data: object, _flags: object, reason: object, _: object) -> None:
        answers.append(str(reason))
        answered.set()

    client.on_connect = note
    client.loop_start()
    assert answered.wait(20.0), "the broker did not answer a client without a password"
    client.disconnect()
    client.loop_stop()
    assert answers[0] == "Not authorized", f"a client without a password got {answers[0]!r}"
    print("smoke: the broker refuses a client without a password", flush=True)


def _status(opener: OpenerDirector, url: str, form: dict[str, str] | None = None) -> int:
    """The status of an answer, after what it redirects to."""
    try:
        with opener.open(url, None if form is None else urlencode(form).encode(), timeout=20.0) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5.0) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


if __name__ == "__main__":
    main()
