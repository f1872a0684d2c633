"""The warning that many messages are delivered twice."""

from __future__ import annotations

import pytest

from dataflows.score.duplicates import DuplicateWatch


class Minutes:
    """A stream of a hundred events a second, by a clock that stands still in between."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.watch = DuplicateWatch(lambda: self.seconds)

    def pass_with(self, duplicates: int) -> None:
        for second in range(60):
            self.seconds += 1.0
            self.watch.count(100, duplicates if second % 2 else 0)


def test_more_than_five_percent_of_duplicates_in_a_minute_are_one_warning_with_the_reasons(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stream = Minutes()
    for _ in range(3):
        stream.pass_with(12)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert caplog.messages[0].startswith(
        "6 % of the events of the last minute (360 of 6000) were duplicates, and dropped: "
    )
    assert "payload.sequence" in caplog.messages[0]


def test_few_duplicates_are_usual(caplog: pytest.LogCaptureFixture) -> None:
    stream = Minutes()
    for _ in range(3):
        stream.pass_with(10)
    assert not caplog.records


def test_a_minute_without_duplicates_does_not_hide_one_with_many(caplog: pytest.LogCaptureFixture) -> None:
    stream = Minutes()
    for duplicates in (0, 0, 0, 12):
        stream.pass_with(duplicates)
    assert len(caplog.records) == 1
