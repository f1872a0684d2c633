"""What a process of a job serves over HTTP: ``/metrics``, ``/live`` and ``/ready``.

Bytewax has a server of its own, but nothing can be added to it, it listens on every address, and several jobs
on one machine would compete for its port.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from socketserver import TCPServer
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from prometheus_client import REGISTRY, CollectorRegistry, Metric, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer
from prometheus_client.registry import Collector

from config.errors import SettingsError
from config.monitoring_settings import MonitoringSettings
from dataflows.health import HEALTH, Health
from dataflows.job.recovery_directory import RecoveryOptions
from dataflows.metrics import CATALOGUE, CONNECTED, READY, RECOVERY_BYTES, RECOVERY_FREE

OF_THE_PROCESS = ("process_", "python_")
"""How names of the client library's own metrics begin: memory, processor time, start, version."""

OK, NOT_READY, NOT_FOUND = "200 OK", "503 Service Unavailable", "404 Not Found"


def monitor(job: str, settings: MonitoringSettings) -> None:
    """Serve the metrics and the health of this process in the background, if there is a port for them.

    Args:
        job: its name in the catalogue of metrics.
        settings: the section ``[monitoring]``.

    Raises:
        SettingsError: the address cannot be used.
    """
    if settings.port is not None:
        recovery = RecoveryOptions.of(sys.argv, os.environ).directory
        serve(Monitored(job, settings, HEALTH, recovery), settings.host, settings.port)


class Monitored(Collector):
    """A job as it looks from outside.

    Args:
        job: its name in the catalogue of metrics.
        settings: the section ``[monitoring]``.
        health: of the process.
        recovery: its recovery directory; ``None`` without recovery.
    """

    def __init__(
        self, job: str, settings: MonitoringSettings, health: Health, recovery: Path | None = None
    ) -> None:
        self._settings = settings
        self._health = health
        self._recovery = recovery
        self._families = {metric.family for metric in CATALOGUE.values() if job in metric.jobs}
        self._shown: set[str] = set()
        self._lock = threading.Lock()

    def troubles(self) -> list[str]:
        """Why the process is not ready; nothing if it is."""
        connections = self._health.connections()
        troubles = self._health.troubles(
            connections,
            max_epoch_age=self._settings.max_snapshot_age,
            max_silence=self._settings.max_silence,
        )
        with self._lock:
            for gone in self._shown - connections.keys():
                CONNECTED.remove(gone)
            self._shown = set(connections)
            for name, reason in connections.items():
                CONNECTED.labels(name).set(not reason)
            READY.set(not troubles)
        return troubles

    def collect(self) -> Iterable[Metric]:
        """The metrics of the job and of the process, brought up to date."""
        self.troubles()
        if self._recovery is not None:
            RECOVERY_BYTES.set(_size(self._recovery))
            RECOVERY_FREE.set(_free(self._recovery))
        for family in REGISTRY.collect():
            if family.name in self._families or family.name.startswith(OF_THE_PROCESS):
                # When a counter was created is when the process started, which has a metric of its own.
                family.samples = [one for one in family.samples if not one.name.endswith("_created")]
                yield family


def serve(monitored: Monitored, host: str, port: int) -> WSGIServer:
    """Serve a job in the background until the process ends.

    Args:
        monitored: the job.
        host: address to listen on.
        port: port to listen on; 0 for a free one.

    Raises:
        SettingsError: the address cannot be used.
    """
    registry = CollectorRegistry()
    registry.register(monitored)
    kind = _ServerIPv6 if ":" in host else _Server
    try:
        server = make_server(host, port, _application(monitored, registry), kind, _SilentHandler)
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SettingsError(
            f"monitoring: expected an address of this machine and a free port, got {host}:{port}: {reason}; "
            'set FLEET__MONITORING__PORT to another one for this process, or to "" for none'
        ) from None
    threading.Thread(target=server.serve_forever, name="monitoring", daemon=True).start()
    return server


class _Server(ThreadingWSGIServer):
    def server_bind(self) -> None:
        # That of the base class asks a resolver for the name of the machine, which may take seconds.
        TCPServer.server_bind(self)
        host, self.server_port = self.server_address[:2]
        self.server_name = str(host)
        self.setup_environ()


class _ServerIPv6(_Server):
    address_family = socket.AF_INET6


class _SilentHandler(WSGIRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:
        """Requests come every few seconds, and are nothing to be told of."""


def _application(monitored: Monitored, registry: CollectorRegistry) -> WSGIApplication:
    metrics: WSGIApplication = make_wsgi_app(registry)

    def live() -> tuple[str, dict[str, Any]]:
        return OK, {"live": True}

    def ready() -> tuple[str, dict[str, Any]]:
        troubles = monitored.troubles()
        return NOT_READY if troubles else OK, {"ready": not troubles, "troubles": troubles}

    answers: dict[str, Callable[[], tuple[str, dict[str, Any]]]] = {"/live": live, "/ready": ready}

    def application(environment: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environment["PATH_INFO"]
        if path == "/metrics":
            return metrics(environment, start_response)
        if path not in answers:
            start_response(NOT_FOUND, [("Content-Type", "text/plain")])
            return [b"/metrics, /live and /ready are served here\n"]
        status, body = answers[path]()
        start_response(status, [("Content-Type", "application/json")])
        return [json.dumps(body).encode() + b"\n"]

    return application


def _size(directory: Path) -> float:
    try:
        return float(sum(file.stat().st_size for file in directory.iterdir()))
    except OSError:
        return math.nan


def _free(directory: Path) -> float:
    try:
        return float(shutil.disk_usage(directory).free)
    except OSError:
        return math.nan
