"""Publishing to an MQTT broker in order, so that every message is known to have arrived.

Nothing here knows Bytewax, so that the simulator publishes the same way.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

from paho.mqtt.client import MQTTMessage

from config.broker_settings import MqttSettings
from config.errors import DeliveryError
from dataflows.connectors.mqtt.in_flight import PACKET_IDENTIFIERS, InFlight, Refusal
from dataflows.connectors.mqtt.session import SLICE, MqttSession

WINDOW = 8192
"""Unconfirmed messages at most; fewer if the broker says so (Receive Maximum; MQTT 5, 3.2.2.3.3)."""

PACKET_OVERHEAD = 1024
"""Bytes of a PUBLISH besides its payload, at most: the topic, and a few numbers."""


def _never() -> bool:
    return False


class ConfirmedPublisher:
    """Publishes with QoS 1 over one session, with a bounded number of messages in flight.

    A lost connection is restored, and what is in flight is repeated on it before anything new is sent. So
    messages keep their order, and a consumer may see up to a window of them twice.

    One thread publishes. After an error the publisher is of no further use.

    Args:
        settings: the section ``[mqtt]``.
        client_id: names the session at the broker.
        window: unconfirmed messages at most.
        stopped: ends `connect` and `publish` early when it returns true; asked about every tenth of a second.
        announced: whether the first connection is logged.
        filters: topic filters to receive from on the same connection, with QoS 1. The session ends with the
            connection: what is sent while there is none is not received.
        on_message: called in the network thread with what is received; acknowledged when it returns.

    Attributes:
        confirmed: how many messages the broker has confirmed.

    Raises:
        SettingsError: as `MqttSession`.
    """

    def __init__(
        self,
        settings: MqttSettings,
        client_id: str,
        *,
        window: int = WINDOW,
        stopped: Callable[[], bool] = _never,
        announced: bool = True,
        filters: Sequence[str] = (),
        on_message: Callable[[MQTTMessage], None] | None = None,
    ) -> None:
        self.confirmed = 0
        self._delivery_timeout = settings.delivery_timeout
        self._window = window
        self._stopped = stopped
        self._in_flight = InFlight(version_5=settings.protocol == "5", on_confirmed=self._on_confirmed)
        self._session = MqttSession(
            settings,
            client_id,
            persistent=False,
            new_reader=self._in_flight.reader,
            filters=filters,
            on_message=on_message,
            to_repeat=self._in_flight.repeated,
            announced=announced,
        )
        self._generation = 0
        # Guarded by the session's `condition`:
        self._sent = 0
        self._enough = 0
        self._confirmed_at = -math.inf
        self._refusal: Refusal | None = None

    @property
    def unconfirmed(self) -> int:
        """Messages that were sent and are not confirmed yet."""
        return self._sent - self.confirmed

    def connect(self) -> bool:
        """Connect, waiting for the broker up to ``connect_timeout``; false if stopped before.

        Raises:
            BrokerError: the broker was not reached in time, or refused us.
        """
        self._session.start()
        return self._session.wait_until_connected(self._stopped)

    def publish(
        self, messages: Sequence[tuple[str, bytes]], *, retain: bool = False, patience: float | None = None
    ) -> int:
        """Send (topic, payload) pairs; the latest of them need not be confirmed when this returns.

        Args:
            messages: in their order.
            retain: whether the broker keeps the latest message of each topic for later subscribers.
            patience: seconds without a connection or any confirmation after which to give up; ``None`` for
                ``delivery_timeout``.

        Returns:
            how many were sent: fewer than all only if stopped.

        Raises:
            BrokerError: the broker refused us when we had to connect again.
            DeliveryError: a message was refused or is too large, or `patience` has run out.
        """
        started, sent = time.monotonic(), 0
        while sent < len(messages):
            # Half a window at a time: this thread wakes once per half window, not once per PUBACK.
            window = min(self._window, self._session.receive_maximum)
            if not self._wait(window // 2, started, patience, to_publish=True):
                break
            # A new connection may have a smaller one.
            window = min(window, self._session.receive_maximum)
            portion = messages[sent : sent + (window + 1) // 2]
            self._check_sizes(portion)
            if self._send(portion, retain=retain):
                sent += len(portion)
        return sent

    def flush(self, *, patience: float | None = None) -> None:
        """Return when every message is confirmed.

        Args:
            patience: as that of `publish`.

        Raises:
            BrokerError, DeliveryError: as `publish`.
        """
        self._wait(0, time.monotonic(), patience, to_publish=False)

    def close(self) -> None:
        """Disconnect. What is not confirmed may be lost."""
        self._session.stop()

    def _send(self, messages: Sequence[tuple[str, bytes]], *, retain: bool) -> bool:
        with self._session.condition:
            self._sent += len(messages)  # before: the first PUBACK may come before the last PUBLISH is sent
        try:
            sent = self._session.write(
                self._generation, lambda: self._in_flight.packets(messages, retain=retain)
            )
        except ValueError as error:
            raise DeliveryError(f"cannot publish to {messages[0][0][:80]!r}: {error}") from None
        except OverflowError:
            raise DeliveryError(
                f"the MQTT broker at {self._session.address} left a message unconfirmed while "
                f"{PACKET_IDENTIFIERS} later ones were sent; restart the broker"
            ) from None
        if not sent:
            with self._session.condition:
                self._sent -= len(messages)
        return sent

    def _check_sizes(self, messages: Sequence[tuple[str, bytes]]) -> None:
        largest = self._session.maximum_packet_size
        if largest is None:
            return
        for topic, payload in messages:
            if len(payload) + PACKET_OVERHEAD > largest:
                raise DeliveryError(
                    f"cannot publish {len(payload)} bytes to {topic[:80]!r}: the MQTT broker at "
                    f"{self._session.address} takes packets of {largest} bytes; raise that limit"
                )

    def _wait(self, enough: int, started: float, patience: float | None, *, to_publish: bool) -> bool:
        """Wait until at most `enough` are unconfirmed and, `to_publish`, there is a connection.

        Returns:
            true; false if stopped, which is only looked at `to_publish`.
        """
        session = self._session
        patience = self._delivery_timeout if patience is None else patience
        while True:
            session.check()
            with session.condition:
                self._enough = enough
                if self._refusal is not None:
                    raise self._refused(self._refusal)
                if self._is_ready(enough, to_publish):
                    self._generation = session.connection_generation
                    return True
                if to_publish and self._stopped():
                    return False
                remaining = max(started, self._confirmed_at) + patience - time.monotonic()
                if remaining <= 0.0 and not session.failed:
                    raise self._unconfirmed(patience)
                if not session.failed:
                    session.condition.wait(min(remaining, SLICE))

    def _is_ready(self, enough: int, to_publish: bool) -> bool:
        unconfirmed = self.unconfirmed
        if not to_publish:
            return unconfirmed <= enough
        # On a new connection, what is in flight is repeated first; new messages must not overtake it.
        same = self._session.connection_generation == self._generation
        return self._session.connected and unconfirmed <= (enough if same else 0)

    def _refused(self, refusal: Refusal) -> DeliveryError:
        return DeliveryError(
            f"the MQTT broker at {self._session.address} refused a message to {refusal.topic}: "
            f"{refusal.reason}; check the permissions of the user and the limits of the broker"
        )

    def _unconfirmed(self, patience: float) -> DeliveryError:
        session, topic = self._session, self._in_flight.first_topic()
        why = "it does not answer" if session.connected else session.trouble
        remedy = "check the broker or raise [mqtt] delivery_timeout"
        if topic is None:
            return DeliveryError(
                f"cannot publish: no connection to the MQTT broker at {session.address} for {patience:g} s: "
                f"{why}; {remedy}"
            )
        return DeliveryError(
            f"the MQTT broker at {session.address} confirmed none of {self.unconfirmed} messages "
            f"within {patience:g} s, the first of them to {topic}: {why}; {remedy}"
        )

    def _on_confirmed(self, count: int, refusal: Refusal | None) -> None:
        """Runs in the network thread."""
        with self._session.condition:
            self.confirmed += count
            self._confirmed_at = time.monotonic()
            self._refusal = self._refusal or refusal
            if self.unconfirmed <= self._enough or self._refusal is not None:
                self._session.condition.notify_all()
