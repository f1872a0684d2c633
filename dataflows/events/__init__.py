"""The wire contract: what is on each topic, as msgspec structs.

Times are ISO 8601 in UTC on the wire and timezone-aware `datetime` in Python. Unknown fields are ignored when
decoding, so that a newer writer does not break an older reader.

| topic (MQTT)               | struct           | notes                                            |
|----------------------------|------------------|--------------------------------------------------|
| `fleet/telemetry/<vehicle>`| the user's own   | described by `[payload]` and `[signals.*]`       |
| `fleet/enriched/<vehicle>` | `Enriched`       | retained: the latest one is the vehicle's twin   |
| `fleet/alerts/<vehicle>/<kind>/<subject>` | `Alert` | retained; an empty message: there is none any more |
| `fleet/alert-actions`      | `AlertAction`    | what people do about alerts; read by the dataflow |
| `fleet/rollups/<vehicle>`  | `Rollup`         | retained: the latest one                         |
| `fleet/late`               | `LateEvent`      | came after its rollup was closed                 |
| `fleet/command`, `fleet/command/<vehicle>` | `Command` | or a bare word; for all vehicles, or one   |
| `fleet/command/ack`        | `CommandAnswer`  | the answer to a command                         |
| `fleet/audit`              | `AuditEntry`     | who logged in to the page; kept by the recorder |
| `fleet/dead-letter`        | `DeadLetter`     | an event that could not be decoded, as it came   |
| `fleet/ground-truth`       | `InjectedFault`  | from the simulator; never read by the dataflow   |
"""

from __future__ import annotations

from dataflows.events.alerts import (
    ALERT_KINDS,
    PEAKS,
    SEVERITIES,
    ActionId,
    ActionName,
    ActionText,
    Alert,
    AlertAction,
    AlertKind,
    AlertSignal,
    Comment,
    Severity,
)
from dataflows.events.audit import AuditEntry, AuditEvent
from dataflows.events.commands import (
    COMMAND_NAMES,
    ArgumentName,
    Command,
    CommandAnswer,
    CommandName,
    CommandStatus,
)
from dataflows.events.dead_letters import DeadLetter
from dataflows.events.enriched import STATUS_NAMES, Enriched, StatusName
from dataflows.events.ground_truth import FaultKind, InjectedFault, SlowFaultKind, SuddenFaultKind
from dataflows.events.json import JSON_ERRORS
from dataflows.events.recorded import RecordedMessage
from dataflows.events.rollups import LateEvent, Rollup, SignalSummary

__all__ = [
    "ALERT_KINDS",
    "COMMAND_NAMES",
    "JSON_ERRORS",
    "PEAKS",
    "SEVERITIES",
    "STATUS_NAMES",
    "ActionId",
    "ActionName",
    "ActionText",
    "Alert",
    "AlertAction",
    "AlertKind",
    "AlertSignal",
    "ArgumentName",
    "AuditEntry",
    "AuditEvent",
    "Command",
    "CommandAnswer",
    "CommandName",
    "CommandStatus",
    "Comment",
    "DeadLetter",
    "Enriched",
    "FaultKind",
    "InjectedFault",
    "LateEvent",
    "RecordedMessage",
    "Rollup",
    "Severity",
    "SignalSummary",
    "SlowFaultKind",
    "StatusName",
    "SuddenFaultKind",
]
