"""Acknowledges alerts as a viewer does, and times until what was clicked is on the topic of actions."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any, Self

import msgspec
import numpy as np
import paho.mqtt.client as paho
from numpy.typing import NDArray
from playwright.sync_api import Page

from benchmarks.page.load import connected
from config.broker_settings import MqttSettings
from config.errors import BrokerError
from dataflows.events import AlertAction

TIME_TO_SUBSCRIBE = 10.0
"""Seconds within which the broker must answer a subscription."""

_BUTTONS = ".alerts .row:not([data-key^='group ']) button.acknowledge:enabled:not([hidden])"
"""Of rows of a single alert, whose key is its id."""

# A pointer would not do: while it is over the list, new rows wait until it has left.
_CLICK = """([button]) => {
  if (!button) return null;
  const { key } = button.closest(".row").dataset;
  const at = Date.now();
  button.click();
  return { key, at };
}"""


@dataclass(frozen=True, slots=True)
class Click:
    """A click on *Acknowledge*.

    Attributes:
        alert_id: of the alert.
        at: when, milliseconds since the epoch, by the clock of the browser.
    """

    alert_id: str
    at: float


def click_first(page: Page) -> Click | None:
    """Acknowledge the most urgent alert that nobody has; ``None`` if the page shows none, or no buttons."""
    found: dict[str, Any] | None = page.locator(_BUTTONS).evaluate_all(_CLICK)
    return None if found is None else Click(found["key"], float(found["at"]))


class ActionArrivals:
    """A client that notes when actions arrive, for the duration of the context.

    Args:
        mqtt: the broker.
        topic: of the actions.

    Raises:
        BrokerError: the broker does not answer.
    """

    def __init__(self, mqtt: MqttSettings, topic: str) -> None:
        self._came: dict[str, float] = {}
        self._client = connected(mqtt)
        subscribed = threading.Event()
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.on_message = self._note
        self._client.subscribe(topic, qos=1)
        if not subscribed.wait(TIME_TO_SUBSCRIBE):
            raise BrokerError(
                f"expected an answer to the subscription to {topic} within {TIME_TO_SUBSCRIBE:g} s"
            )

    def has_all(self, clicks: list[Click]) -> bool:
        """Whether what was clicked has arrived."""
        return all(click.alert_id in self._came for click in clicks)

    def until_arrived(self, clicks: list[Click]) -> NDArray[np.float64]:
        """Milliseconds from each click until its action arrived, shape (n,); infinite if it never did."""
        times = [self._came.get(click.alert_id, np.inf) - click.at for click in clicks]
        return np.array(times, np.float64)

    def _note(self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        now = 1000.0 * time.time()
        action = msgspec.json.decode(message.payload, type=AlertAction)
        if action.action == "acknowledge":
            self._came.setdefault(action.alert_id, now)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()
