"""Alerts that the history keeps: those that cleared long ago, and how an alert came to be what it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import streamlit as st

from dataflows.events import Alert, AlertSignal, Comment
from dataflows.history.reader import History

FRESH_FOR = timedelta(seconds=30)
"""Age of an answer up to which it is given again; the history itself is some seconds behind."""

MOST = 5_000
"""Alerts that are read, those that opened last."""

ANSWERS_KEPT = 16
"""Answers about all alerts that are kept, at most: one has a few MB."""

REVISIONS_KEPT = 256
"""Answers about one alert that are kept, at most."""

_SIGNALS = msgspec.json.Decoder(tuple[AlertSignal, ...])
_COMMENTS = msgspec.json.Decoder(tuple[Comment, ...])


@st.cache_data(ttl=FRESH_FOR, max_entries=ANSWERS_KEPT, show_spinner=False)
def cleared_since(directory: Path | str, start: datetime) -> list[Alert]:
    """Alerts that were opened since `start` and have cleared, the last one first; `MOST` at most.

    Args:
        directory: of the history, or its URL.
        start: callers who ask for the same one share the answer.

    Raises:
        HistoryError: the history cannot be read.
    """
    question = (
        "SELECT * FROM latest_alerts WHERE opened_at >= $start::TIMESTAMPTZ AND state = 'cleared' "
        f"ORDER BY opened_at DESC, alert_id LIMIT {MOST}"
    )
    return _asked(directory, question, {"start": start.isoformat()}, start.astimezone(UTC).date(), None)


def revisions_of(directory: Path | str, alert: Alert) -> list[Alert]:
    """The revisions of an alert that are kept, up to `alert` itself, which is the last one.

    Raises:
        HistoryError: the history cannot be read.
    """
    first, last = (moment.astimezone(UTC).date() for moment in (alert.onset_at, alert.opened_at))
    return [*_before(directory, alert.alert_id, alert.revision, min(first, last), last), alert]


@st.cache_data(max_entries=REVISIONS_KEPT, ttl=FRESH_FOR, show_spinner=False)
def _before(directory: Path | str, alert_id: str, revision: int, first: date, last: date) -> list[Alert]:
    question = "SELECT * FROM alerts WHERE alert_id = $alert_id AND revision < $revision ORDER BY revision"
    return _asked(directory, question, {"alert_id": alert_id, "revision": revision}, first, last)


def with_past(live: Sequence[Alert], past: Iterable[Alert]) -> list[Alert]:
    """Alerts of the stream, then those of the history that the stream no longer has."""
    known = {alert.alert_id for alert in live}
    return [*live, *(alert for alert in past if alert.alert_id not in known)]


def _asked(
    directory: Path | str, question: str, parameters: dict[str, Any], first: date, last: date | None
) -> list[Alert]:
    rows = History(directory).query(question, parameters, first, last).to_pylist()
    return [_alert(row) for row in rows]


def _alert(row: dict[str, Any]) -> Alert:
    fields = {name: row[name] for name in Alert.__struct_fields__}
    signals, comments = fields["signals"] or "[]", fields["comments"] or "[]"
    return Alert(**fields | {"signals": _SIGNALS.decode(signals), "comments": _COMMENTS.decode(comments)})
