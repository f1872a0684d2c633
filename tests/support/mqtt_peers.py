"""The peers of a job over MQTT, which outlive it and the broker: vehicles, and a consumer that counts."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from config.broker_settings import MqttSettings
from dataflows.events import Enriched
from scripts.waiting import wait_until
from tests.support.fleet_processes import TIME_TO_CATCH_UP
from tests.support.pace import TICK, Pace

UNCONFIRMED = 2000
"""Messages that `Vehicles` have in flight at most; MQTT cannot number more than 65,535."""


@dataclass(frozen=True, slots=True)
class Received:
    """One message of the enriched topic.

    Attributes:
        event_id: of the event.
        telemetry: the original event.
        encoded: the enriched event without the time at which it was scored, to compare bit by bit.
        scored_at: that time, seconds since 1970.
        clock: when it arrived, by `time.monotonic`.
    """

    event_id: str
    telemetry: bytes
    encoded: bytes
    scored_at: float
    clock: float


class EnrichedInbox:
    """Receives everything that a job emits, even if the broker restarts; a context.

    It has a persistent session and QoS 1. A message that the broker redelivers with the DUP flag does not
    count as emitted again.

    Attributes:
        received: in order of arrival.
        sessions: how often a session was created; more than 1 means that the broker has lost it.
    """

    def __init__(self, mqtt: MqttSettings, topic_filter: str) -> None:
        self.received: list[Received] = []
        self.sessions = 0
        self._mqtt = mqtt
        self._filter = topic_filter
        self._ids: set[str] = set()
        self._packets: dict[int, int] = {}
        self._decoder = msgspec.json.Decoder(Enriched)
        self._subscribed = threading.Event()
        self._client = _persistent_client(mqtt, f"{mqtt.client_id}-inbox")
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message

    def distinct(self) -> int:
        """How many different events have arrived."""
        return len(self._ids)

    def by_id(self) -> dict[str, bytes]:
        """Event id → the event; copies of one event must be bit-identical."""
        events: dict[str, bytes] = {}
        for one in list(self.received):
            assert events.setdefault(one.event_id, one.encoded) == one.encoded, (
                f"{one.event_id} came with different scores:\n{events[one.event_id]!r}\n{one.encoded!r}"
            )
        return events

    def _on_connect(self, client: paho.Client, userdata: Any, flags: Any, *_: Any) -> None:
        if flags.session_present:
            self._subscribed.set()
            return
        self.sessions += 1
        options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
        client.subscribe(self._filter, options=options)

    def _on_message(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        clock = time.monotonic()
        packet = hash(message.payload)
        if message.dup and self._packets.get(message.mid) == packet:
            return
        self._packets[message.mid] = packet
        event = self._decoder.decode(message.payload)
        encoded = msgspec.json.encode(msgspec.structs.replace(event, processed_at=event.ts))
        scored_at = event.processed_at.timestamp()
        self.received.append(Received(event.event_id, bytes(event.telemetry), encoded, scored_at, clock))
        self._ids.add(event.event_id)

    def __enter__(self) -> Self:
        _connect(self._client, self._mqtt)
        wait_until(self._subscribed.is_set, f"answer to the subscription to {self._filter}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _leave_for_good(self._client)


class Vehicles:
    """Publishes telemetry with QoS 1 in the background, in order, even if the broker restarts; a context.

    Args:
        mqtt: where to.
        topic: that of the `Job`.
        payloads: telemetry of as many vehicles, taking turns as in `tests.telemetry`.
        vehicles: how many.

    Attributes:
        count: of vehicles.
    """

    def __init__(self, mqtt: MqttSettings, topic: str, payloads: list[bytes], vehicles: int) -> None:
        self.count = vehicles
        self._mqtt = mqtt
        self._payloads = payloads
        self._topics = [f"{topic}/telemetry/VEH-{number}" for number in range(vehicles)]
        self._sent = 0
        self._confirmed = 0
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._may_send = threading.Event()
        self._client = _persistent_client(mqtt, f"{mqtt.client_id}-vehicles")
        self._client.max_inflight_messages_set(0)
        self._client.on_publish = lambda *_: self._on_confirmed()
        self._client.on_connect = lambda *_: self._resume_if_all_is_confirmed()
        self._client.on_disconnect = lambda *_: self._may_send.clear()

    def send(self, count: int, rate: float = math.inf) -> None:
        """Publish the next messages in the background; first waits until the previous ones are confirmed.

        Args:
            count: number of messages; if fewer are left, those.
            rate: messages per second; infinite for full speed.
        """
        self.wait()
        end = min(self._sent + count, len(self._payloads))
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, args=(end, rate), daemon=True)
        self._thread.start()

    def wait(self, deadline: float = TIME_TO_CATCH_UP) -> None:
        """Return when the broker has confirmed everything that was sent."""
        if self._thread is not None:
            self._thread.join(deadline)
        wait_until(lambda: self._confirmed == self._sent, "confirmation of telemetry", deadline)

    def stop(self) -> None:
        """Stop sending for now, and return when the broker has confirmed what was sent."""
        self._stop.set()
        self.wait()

    @property
    def sent(self) -> int:
        """How many have been passed to the client so far, including unconfirmed ones."""
        return self._sent

    def confirmed(self) -> list[bytes]:
        """The payloads that the broker has confirmed so far, in the order in which they were sent."""
        return self._payloads[: self._confirmed]

    def _run(self, end: int, rate: float) -> None:
        pace = Pace(self._sent, end, rate)
        while self._sent < end and not self._stop.is_set():
            upto = pace.due(self._sent)
            while self._sent < upto and not self._stop.is_set():
                # After a lost connection the client first repeats; new messages must not overtake that.
                if not self._may_send.wait(TICK) or self._sent - self._confirmed >= UNCONFIRMED:
                    time.sleep(0.001)
                    continue
                self._publish_next()
            self._stop.wait(TICK if upto < end else 0.0)

    def _publish_next(self) -> None:
        topic = self._topics[self._sent % len(self._topics)]
        self._sent += 1
        self._client.publish(topic, self._payloads[self._sent - 1], qos=1)

    def _on_confirmed(self) -> None:
        # A broker confirms in the order in which it receives (MQTT 5, 4.6), so counting is enough.
        self._confirmed += 1
        if not self._may_send.is_set():
            self._resume_if_all_is_confirmed()

    def _resume_if_all_is_confirmed(self) -> None:
        if self._confirmed == self._sent:
            self._may_send.set()

    def __enter__(self) -> Self:
        _connect(self._client, self._mqtt)
        wait_until(self._may_send.is_set, "connection of the vehicles")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        _leave_for_good(self._client)


def _persistent_client(mqtt: MqttSettings, client_id: str) -> paho.Client:
    client = paho.Client(
        CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTProtocolVersion.MQTTv5
    )
    # Annotated as whole seconds, but fractions work.
    client.reconnect_delay_set(0.05, 0.2)  # type: ignore[arg-type]
    return client


def _connect(client: paho.Client, mqtt: MqttSettings) -> None:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = mqtt.session_expiry
    properties.ReceiveMaximum = 65535
    client.connect(mqtt.host, mqtt.port, clean_start=False, properties=properties)
    client.loop_start()


def _leave_for_good(client: paho.Client) -> None:
    """Disconnect, and let the broker discard the session."""
    properties = Properties(PacketTypes.DISCONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = 0
    client.disconnect(properties=properties)
    client.loop_stop()
