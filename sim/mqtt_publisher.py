"""Publishing a simulated fleet to an MQTT broker."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import msgspec

from config.broker_settings import MqttSettings
from config.stop_request import StopRequest
from dataflows.connectors.mqtt.publisher import ConfirmedPublisher
from dataflows.events import InjectedFault
from dataflows.messages import MessageBatch
from sim.commands.mqtt_receiver import MqttCommandReceiver

IN_FLIGHT = 2000
"""Messages that are sent but not confirmed, at most; more is not faster."""

PATIENCE_WHEN_STOPPED = 5.0
"""Seconds to wait for a confirmation after a request to stop; most supervisors kill after ten."""


class MqttPublisher:
    """Publishes as the dataflow does, but waits without limit for a broker that goes away.

    Args:
        settings: the section ``[mqtt]``.
        role: appended to the client id.
        ground_truth: topic of `announce`.
        stop: ends every wait.
        commands: what receives commands on the same connection; ``None`` for nobody. A second client would
            not do: on the port of vehicles, the broker lets every user have only one.

    Raises:
        BrokerError: on entering: the broker cannot be reached within ``connect_timeout``. At any time: it
            refuses the connection, or another client has taken its place.
        DeliveryError: the broker refuses a message, or on leaving confirms none of those in flight for
            ``delivery_timeout``.
        SettingsError: a file of ``[mqtt.tls]`` cannot be read.
    """

    def __init__(
        self,
        settings: MqttSettings,
        *,
        role: str,
        ground_truth: str,
        stop: StopRequest,
        commands: MqttCommandReceiver | None = None,
    ) -> None:
        self._ground_truth = ground_truth
        self._stop = stop
        self._delivery_timeout = settings.delivery_timeout
        self._is_connected = False
        self._publisher = ConfirmedPublisher(
            settings,
            f"{settings.client_id}-{role}",
            window=IN_FLIGHT,
            stopped=lambda: stop.requested,
            announced=False,
            filters=() if commands is None else commands.filters,
            on_message=None if commands is None else commands.receive,
        )

    @property
    def confirmed(self) -> int:
        """Messages that the broker has confirmed."""
        return self._publisher.confirmed

    def publish(self, batch: MessageBatch) -> int:
        """Send messages; those in flight when this returns are confirmed later, on leaving at the latest."""
        return self._publish(list(zip(batch.topics, batch.payloads, strict=True)))

    def announce(self, fault: InjectedFault) -> None:
        """Send ground truth."""
        self._publish([(self._ground_truth, msgspec.json.encode(fault))])

    def send(self, topic: str, keys: Sequence[str], payloads: Sequence[bytes]) -> None:
        """Send messages to another topic; MQTT has no keys."""
        self._publish([(topic, payload) for payload in payloads])

    def __enter__(self) -> Self:
        self._is_connected = self._publisher.connect()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and self._is_connected:
                limit = PATIENCE_WHEN_STOPPED if self._stop.requested else math.inf
                self._publisher.flush(patience=min(limit, self._delivery_timeout))
        finally:
            self._publisher.close()

    def _publish(self, messages: list[tuple[str, bytes]]) -> int:
        return self._publisher.publish(messages, patience=math.inf)
