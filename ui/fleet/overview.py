"""The fleet and its alerts together: what each vehicle is, how many are what, and who is worst off."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

from config.settings import Settings
from dataflows.events import SEVERITIES, Alert
from ui.live.alert_state import AlertSnapshot
from ui.live.fleet_state import FleetSnapshot, VehicleSnapshot
from ui.map.vehicles import Tone

Show = Literal["all", "open", "unacknowledged", "muted", "anomalous", "silent", "warming_up", "ok"]
"""Which vehicles and alerts the page shows: all; those with alerts in a state; those in a state."""

SHOWS: tuple[Show, ...] = get_args(Show)


@dataclass(frozen=True, eq=False)
class Overview:
    """What follows from a snapshot of the fleet and one of its alerts; computed once for all viewers.

    Attributes:
        fleet: the vehicles.
        alerts: the alerts.
        settings: all settings.
    """

    fleet: FleetSnapshot
    alerts: AlertSnapshot
    settings: Settings

    @property
    def stale_after(self) -> float:
        """Seconds without an event after which a vehicle is silent."""
        return self.settings.page.stale_after

    @cached_property
    def tones(self) -> Mapping[str, Tone]:
        """Vehicle id → how it is."""
        worst = self.alerts.worst
        return {
            vehicle_id: worst[vehicle_id].severity if vehicle_id in worst else self._without_alert(vehicle)
            for vehicle_id, vehicle in self.fleet.vehicles.items()
        }

    @cached_property
    def silent(self) -> frozenset[str]:
        """Vehicles of which nothing has come for `stale_after` seconds."""
        latest = self.fleet.taken_at - self.stale_after
        return frozenset(name for name, each in self.fleet.vehicles.items() if each.seen_at < latest)

    @cached_property
    def anomalous(self) -> frozenset[str]:
        """Vehicles whose latest event is anomalous; of silent ones nobody knows what they do now."""
        return frozenset(
            name
            for name, each in self.fleet.vehicles.items()
            if each.latest.is_anomaly and name not in self.silent
        )

    @cached_property
    def counts(self) -> Mapping[Show, int]:
        """How many alerts, or vehicles, each `Show` is about; of ``all`` the vehicles."""
        alerts = {
            "open": len(self.alerts.open),
            "unacknowledged": len(self.alerts.unacknowledged),
            "muted": len(self.alerts.muted),
        }
        return {show: alerts[show] if show in alerts else len(self.names_in(show)) for show in SHOWS}

    @cached_property
    def ranking(self) -> Sequence[str]:
        """Vehicle ids, the worst first: by open alert, by the latest verdict, then by smoothed error.

        Of vehicles without an alert silent ones come last, since nobody knows what they do now.
        """
        levels: dict[Tone, int] = {severity: -SEVERITIES.index(severity) for severity in SEVERITIES}
        silent, tones = self.silent, self.tones

        def badness(item: tuple[str, VehicleSnapshot]) -> tuple[int, bool, bool, float, str]:
            name, vehicle = item
            level = levels.get(tones[name], 1)
            return level, name in silent, not vehicle.latest.is_anomaly, -vehicle.error_ratio, name

        return [name for name, _ in sorted(self.fleet.vehicles.items(), key=badness)]

    def vehicles_in(self, show: Show) -> Sequence[str]:
        """The vehicles that are shown, in the order of `ranking`."""
        if show == "all":
            return self.ranking
        names = self.names_in(show)
        return [name for name in self.ranking if name in names]

    def alerts_in(self, show: Show) -> Sequence[Alert]:
        """The open alerts that are shown, in the order of urgency."""
        match show:
            case "all" | "open":
                return self.alerts.open
            case "unacknowledged":
                return self.alerts.unacknowledged
            case "muted":
                return self.alerts.muted
            case _:
                names = self.names_in(show)
                return [alert for alert in self.alerts.open if alert.vehicle_id in names]

    def names_in(self, show: Show) -> frozenset[str]:
        """The vehicles that are shown."""
        match show:
            case "all":
                return frozenset(self.fleet.vehicles)
            case "open" | "unacknowledged" | "muted":
                named = {alert.vehicle_id for alert in self.alerts_in(show)}
                return frozenset(named & self.fleet.vehicles.keys())
            case "anomalous":
                return self.anomalous
            case "silent":
                return self.silent
            case "warming_up":
                vehicles = self.fleet.vehicles
                return frozenset(
                    name
                    for name, each in vehicles.items()
                    if each.latest.status == "warming_up" and name not in self.silent
                )
            case "ok":
                return frozenset(
                    name for name, tone in self.tones.items() if tone == "ok" and name not in self.anomalous
                )

    def _without_alert(self, vehicle: VehicleSnapshot) -> Tone:
        if vehicle.vehicle_id in self.silent:
            return "silent"
        return "warming_up" if vehicle.latest.status == "warming_up" else "ok"


_RECENT: deque[Overview] = deque(maxlen=4)
"""Of the live fleet, and of a replay beside it."""


def overview_of(fleet: FleetSnapshot, alerts: AlertSnapshot, settings: Settings) -> Overview:
    """The overview of these snapshots, the same one for all viewers."""
    for known in tuple(_RECENT):
        if known.fleet is fleet and known.alerts is alerts and known.settings is settings:
            return known
    made = Overview(fleet, alerts, settings)
    _RECENT.appendleft(made)
    return made
