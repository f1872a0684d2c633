"""A channel as it is kept in the recovery store: plain data."""

from __future__ import annotations

import msgspec

from config.errors import SnapshotError
from dataflows.events import Alert
from dataflows.notification.changes import Change, Followed, GroupKey
from dataflows.notification.channel import Channel
from dataflows.stored_state import NOTIFICATIONS, Stored

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Alert)


def store(channel: Channel) -> Stored:
    """Everything that a channel has to remember. What is in flight is stored as waiting.

    Alerts are stored as they are on the wire. A change that waits with the newest revision has ``None``.
    """
    alerts = []
    for known in channel.alerts.values():
        waiting = [
            (
                change.number,
                change.what,
                None if change.alert is known.alert else _ENCODER.encode(change.alert),
                change.at,
            )
            for change in known.waiting
        ]
        encoded = _ENCODER.encode(known.alert)
        alerts.append((known.place, encoded, known.worst, known.seen_at, known.told, known.told_at, waiting))
    return NOTIFICATIONS.wrap(
        {
            "alerts": alerts,
            "numbered": channel.numbered,
            "sent_at_once": [(tuple(key), at) for key, at in channel.windows.snapshot().items()],
        }
    )


def restore(channel: Channel, stored: Stored) -> None:
    """Let a new channel know what was stored.

    Raises:
        SnapshotError: it has another layout, or cannot be read.
    """
    content = NOTIFICATIONS.unwrap(stored)
    try:
        for place, encoded, worst, seen_at, told, told_at, waiting in content["alerts"]:
            alert = _DECODER.decode(encoded)
            known = Followed(place, alert, worst, seen_at, told, told_at)
            for number, what, revision, at in waiting:
                then = alert if revision is None else _DECODER.decode(revision)
                known.waiting.append(Change(number, what, then, at))
            channel.remember(known)
        channel.numbered = content["numbered"]
        channel.windows.restore({GroupKey(*key): at for key, at in content["sent_at_once"]})
    except (LookupError, TypeError, ValueError) as error:
        raise SnapshotError(
            f"expected the state of a channel, got something else ({type(error).__name__}: {error})"
        ) from None
