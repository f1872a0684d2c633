"""The log says how many dead letters there are, and never floods."""

from __future__ import annotations

import pytest

from config.settings import load
from dataflows.decode import Decoder
from dataflows.decode.dead_letter_log import PAUSE, DeadLetterLog
from dataflows.events import DeadLetter
from tests.support.telemetry import batches


def letters(*reasons: str) -> list[DeadLetter]:
    decoder = Decoder.of(load())
    [batch] = batches([reason.encode() for reason in reasons], len(reasons))
    return list(decoder.decode(batch).dead_letters)


def test_the_first_are_logged_at_once_and_the_others_counted_once_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    times = [0.0]
    log = DeadLetterLog("fleet/dead-letter", lambda: times[-1])
    log.count([])
    assert not caplog.messages
    log.count(letters("secret-1"))
    for time in (1.0, 30.0, PAUSE - 1.0):
        times.append(time)
        log.count(letters("secret-2", "{}"))
    assert caplog.messages == [
        "1 events could not be decoded (1 since the start): not_json 1; they are on fleet/dead-letter with "
        "their reasons"
    ]
    times.append(PAUSE)
    log.count([])
    assert caplog.records[-1].__dict__["count"] == 6
    assert caplog.records[-1].__dict__["total"] == 7
    assert caplog.records[-1].__dict__["reasons"] == {"not_json": 3, "vehicle_id": 3}
    times.append(10 * PAUSE)
    log.count([])
    assert len(caplog.messages) == 2
    assert "secret" not in caplog.text
