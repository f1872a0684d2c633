"""Markers: alerts with a text that nothing else has, by which a browser notes when it shows them.

What a page shows of an alert, and therefore what a marker is recognised by, is decided here and nowhere else:
by `text_of`, a word in the summary of the alert.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dataflows.events import Alert, AlertSignal

SUBJECTS = ("engine_temperature", "battery_voltage", "fuel", "rpm", "throttle", "traffic")
"""Signals that markers take turns with: as many are open at once, and all fit into a list of alerts."""

VEHICLE = "VEH-0001"
"""The vehicle that markers are about, one of the fleet: the page makes alerts of several vehicles one row."""

FIRST = 1_000_000
"""Number of the marker that is published before all others, by which a page shows that it is live."""

PREFIX = "Marker"


def text_of(run: str, number: int) -> str:
    """What identifies a marker on the page: one word of letters and digits, which no formatting changes.

    Args:
        run: letters and digits that this run of the benchmark has to itself.
        number: of the marker.
    """
    return f"{PREFIX}{run}n{number}"


def alert_of(run: str, number: int, opened_at: datetime) -> Alert:
    """The alert of a marker: the most urgent there is, since it is critical and the newest."""
    subject = SUBJECTS[number % len(SUBJECTS)]
    return Alert(
        alert_id=f"{VEHICLE}/limit/{subject}/{run}-{number}",
        revision=1,
        vehicle_id=VEHICLE,
        kind="limit",
        subject=subject,
        state="open",
        severity="critical",
        peak=99.0,
        summary=f"{text_of(run, number)} {subject} is too high",
        signals=(AlertSignal(name=subject, actual=131.0, typical=92.3, share=1.0),),
        events=12,
        openings=1,
        onset_at=opened_at,
        opened_at=opened_at,
        last_at=opened_at,
        cleared_at=None,
        changed_at=opened_at,
    )


def message_of(run: str, number: int) -> tuple[str, bytes]:
    """The topic below that of all alerts, and the payload, of a marker that opens now."""
    alert = alert_of(run, number, datetime.now(UTC))
    return f"{alert.vehicle_id}/{alert.kind}/{alert.subject}", msgspec.json.encode(alert)


def watching_script(run: str) -> str:
    """A script that a page must run before its own scripts: it notes when markers come and when they show.

    ``markers.came[n]`` is when the page began to handle the first WebSocket message with the text of marker
    n, ``markers.shown[n]`` when the first frame after its text came into the document began to be painted;
    both milliseconds since the epoch. It also looks into shadow roots. Nothing is polled.
    """
    return _WATCHING.replace("TEXT", text_of(run, 0).removesuffix("0"))


READ_MARKERS = "globalThis.markers ?? { came: {}, shown: {} }"
"""JavaScript: what `watching_script` has noted in a frame of a page."""

_WATCHING = """
(() => {
  const markers = (globalThis.markers = { came: {}, shown: {} });
  const pattern = /TEXT([0-9]+)/g;
  const numbersIn = (text) =>
    text.includes("TEXT") ? [...text.matchAll(pattern)].map((found) => found[1]) : [];

  // A message holds the text as UTF-8, which is the same as Latin-1 for letters and digits.
  const latin = new TextDecoder("latin1");
  const Native = globalThis.WebSocket;
  globalThis.WebSocket = class WebSocket extends Native {
    constructor(...given) {
      super(...given);
      this.addEventListener("message", ({ data }) => {
        const now = Date.now();
        const text = data instanceof ArrayBuffer ? latin.decode(data) : String(data);
        for (const number of numbersIn(text)) markers.came[number] ??= now;
      });
    }
  };

  const pending = new Set();
  const noteShown = (text) => {
    for (const number of numbersIn(text)) {
      if (number in markers.shown || pending.has(number)) continue;
      pending.add(number);
      requestAnimationFrame(() => (markers.shown[number] = Date.now()));
    }
  };
  const observer = new MutationObserver((records) => {
    for (const { type, target, addedNodes } of records) {
      if (type === "characterData") noteShown(target.data);
      else for (const node of addedNodes) noteShown(node.textContent ?? "");
    }
  });
  const observe = (root) => observer.observe(root, { subtree: true, childList: true, characterData: true });
  observe(document);
  const attach = Element.prototype.attachShadow;
  Element.prototype.attachShadow = function (options) {
    const root = attach.call(this, options);
    observe(root);
    return root;
  };
})();
"""


@dataclass(frozen=True, slots=True)
class MarkerTimes:
    """When markers were published, and when one viewer saw them; one row per marker.

    Attributes:
        published: milliseconds since the epoch, shape (n,).
        came: when the page began to handle the message with the marker; NaN if no message had its text.
        shown: when it was painted; infinite if it never was.
    """

    published: NDArray[np.float64]
    came: NDArray[np.float64]
    shown: NDArray[np.float64]

    @classmethod
    def of(cls, published: Sequence[float], noted: Sequence[Mapping[str, Any]]) -> MarkerTimes:
        """From what `READ_MARKERS` gives in each frame of a page.

        Args:
            published: when marker 0, 1, 2 … was published, milliseconds since the epoch.
            noted: ``came`` and ``shown``, which map the number of a marker to milliseconds since the epoch.
        """

        def first(what: str, number: int, default: float) -> float:
            times = [each[what][str(number)] for each in noted if str(number) in each[what]]
            return min(times, default=default)

        numbers = range(len(published))
        return cls(
            np.array(published, np.float64),
            np.array([first("came", number, np.nan) for number in numbers], np.float64),
            np.array([first("shown", number, np.inf) for number in numbers], np.float64),
        )

    @property
    def until_shown(self) -> NDArray[np.float64]:
        """Milliseconds from publishing a marker until it was painted, shape (n,)."""
        return self.shown - self.published

    @property
    def refreshes(self) -> NDArray[np.float64]:
        """Milliseconds from the message with a marker until it was painted; without markers that lack one."""
        both = np.isfinite(self.came) & np.isfinite(self.shown)
        found: NDArray[np.float64] = self.shown[both] - self.came[both]
        return found
