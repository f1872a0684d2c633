"""The log of librdkafka's clients."""

from __future__ import annotations

import logging

import pytest

from dataflows.connectors.kafka import log as kafka_log


def record(facility: str, text: str) -> logging.LogRecord:
    """As librdkafka's Python binding logs."""
    arguments = (facility, "fleet-source#consumer-1", text)
    return logging.LogRecord("kafka", logging.ERROR, __file__, 1, "%s [%s] %s", arguments, None)


def test_of_many_failed_connections_one_is_logged_until_the_outage_is_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1000.0]
    monkeypatch.setattr("dataflows.connectors.kafka.log.time.monotonic", lambda: now[0])
    once = kafka_log.OncePerOutage()
    logged = [once.filter(record(kafka_log.FAILED, f"attempt {number}")) for number in range(5)]
    assert logged == [True, False, False, False, False]
    now[0] += kafka_log.QUIET
    assert once.filter(record(kafka_log.FAILED, "still away"))


def test_everything_else_is_logged() -> None:
    once = kafka_log.OncePerOutage()
    assert all(once.filter(record("GETPID", "not yet")) for _ in range(3))
    plain = logging.LogRecord("kafka", logging.ERROR, __file__, 1, "%d messages were deleted", (3,), None)
    assert all(once.filter(plain) for _ in range(3))
