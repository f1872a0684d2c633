"""The demo: broker, dataflow, recorder, page and simulator of the Procfile, on free ports: ``make demo``.

With ``FLEET_CONFIG=config/kafka.toml`` it uses the Kafka of the settings, which ``make kafka`` starts.

Ctrl-C stops all processes. What was seen stays in ``.demo/history`` until the next demo; the last line says
how to query it. With ``DEMO_SECONDS=60`` the demo stops 60 seconds after the warm-up, prints one line with
what it counted, and fails if no injected fault was flagged.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

from honcho.environ import parse_procfile
from honcho.manager import Manager
from honcho.printer import Message, Printer

from config.errors import SettingsError, exit_on_error
from config.settings import Settings, load
from scripts.brokers.ports import LOCALHOST, free_port
from scripts.demo_listeners import listen
from scripts.demo_watch import Watch

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / ".demo"
HISTORY = WORK / "history"
QUESTION = "SELECT opened_at, vehicle_id, summary FROM latest_alerts"
PAGE_PORT = 8501
METRICS_PORT = 9464
TIME_TO_START = 300.0
"""Seconds, warm-up included, within which a live event must have been scored."""


class ReadyPrinter(Printer):  # type: ignore[misc]
    """Prints the output of the processes, and creates a file when the dataflow has subscribed to telemetry.

    The simulator waits for that file: the broker discards what is published before anyone has subscribed.

    Args:
        ready: the file.
    """

    def __init__(self, ready: Path) -> None:
        super().__init__(sys.stdout)
        self._ready = ready
        self._started = threading.Semaphore(0)

    def wait_until_started(self, processes: int) -> None:
        """Wait until this many processes have started."""
        for _ in range(processes):
            self._started.acquire()

    def write(self, message: Message) -> None:
        said = str(message.data)
        if message.name == "system" and " started (pid=" in said:
            self._started.release()
        # The session that reads what people do about alerts subscribes as well.
        if message.name == "dataflow" and "subscribed" in said and "alert-actions" not in said:
            self._ready.touch()
        super().write(message)


def main() -> None:
    """Run the demo.

    Raises:
        SystemExit: status 0 after Ctrl-C or after a successful run of ``DEMO_SECONDS``, else 1.
    """
    with exit_on_error("demo"):
        seconds = _seconds()
        ports = dataflow, recorder = free_port(METRICS_PORT), free_port(METRICS_PORT + 1)
        os.environ |= {
            "FLEET__MQTT__HOST": LOCALHOST,
            "FLEET__MQTT__PORT": str(free_port(1883)),
            "FLEET__MQTT__PROTOCOL": "3.1.1",
            "FLEET__HISTORY__DIRECTORY": str(HISTORY),
            "PAGE_PORT": str(free_port(PAGE_PORT)),
            "DATAFLOW_METRICS_PORT": str(dataflow),
            "RECORDER_METRICS_PORT": str(recorder),
            "FLEET__PAGE__DEMO": "true",
            "FLEET__PAGE__METRICS": json.dumps([f"http://{LOCALHOST}:{port}/metrics" for port in ports]),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONUNBUFFERED": "1",
            "FLEET__LOGGING__FORMAT": "text",
            "FLEET__LOGGING__LEVEL": "info",
        }
        if load().source.kind == "kafka":
            os.environ |= _own_topics()
        raise SystemExit(run(load(), seconds))


def _own_topics() -> dict[str, str]:
    """Topics that no demo has used before: Kafka keeps events, and a new warm-up would be late after them."""
    name = f"demo-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    topics = load().topics.model_dump()
    return {
        "FLEET__KAFKA__GROUP": name,
        **{f"FLEET__TOPICS__{topic.upper()}": f"{name}.{topic.replace('_', '-')}" for topic in topics},
    }


def run(settings: Settings, seconds: float | None) -> int:
    """Run all processes.

    Args:
        settings: all settings.
        seconds: how long to watch the live fleet; ``None`` means until Ctrl-C.

    Returns:
        the exit status.
    """
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir()
    ready, live = WORK / "dataflow-is-ready", WORK / "fleet-is-live"
    printer = ReadyPrinter(ready)
    manager = Manager(printer)
    environment = os.environ | {"DATAFLOW_READY": str(ready), "DEMO_IS_LIVE": str(live)}
    watch = Watch()
    processes = parse_procfile((ROOT / "Procfile").read_text()).processes
    if settings.source.kind == "kafka":
        del processes["broker"]
        # Kafka keeps what is published before anyone reads it.
        ready.touch()
    for name, command in processes.items():
        manager.add_process(name, command, env=environment, cwd=str(ROOT))

    outcome: list[str | None] = []

    def watching() -> None:
        # Only now: a process that is forked beside the threads of librdkafka may hang before it has started.
        printer.wait_until_started(len(processes))
        with exit_on_error("demo"):
            listen(settings, watch)
            _watch(watch, live, seconds, outcome)

    watcher = threading.Thread(target=watching, daemon=True)
    watcher.start()
    manager.loop()
    if HISTORY.exists():
        print(f"demo: {_how_to_ask()}", flush=True)
    if seconds is None:
        return 0 if manager.returncode in (0, 130, 143) else 1
    watcher.join(timeout=5)
    failure = outcome[0] if outcome else "a process exited before the demo was over; its last lines say why"
    if failure is not None:
        print(f"demo: {failure}", file=sys.stderr)
    return 0 if failure is None else 1


def _how_to_ask() -> str:
    program = f"{os.path.relpath(sys.executable)} -m dataflows.history"
    return f'what was seen is kept: {program} --directory {os.path.relpath(HISTORY)} "{QUESTION}"'


def _watch(watch: Watch, live: Path, seconds: float | None, outcome: list[str | None]) -> None:
    is_live = watch.wait_until_live(TIME_TO_START)
    address = f"http://localhost:{os.environ['PAGE_PORT']}"
    if is_live:
        # With the warm-up to deliver to the recorder too, the embedded broker would take half as long again.
        live.touch()
        print(f"\n    the page: {address}\n", flush=True)
    if seconds is None:
        return
    failure = (
        watch.count_for(seconds)
        if is_live
        else f"expected a scored live event within {TIME_TO_START:.0f} s, got none"
    )
    outcome.append(failure)
    print(f"demo: {watch.summary()}", flush=True)
    os.kill(os.getpid(), signal.SIGTERM)


def _seconds() -> float | None:
    text = os.environ.get("DEMO_SECONDS", "")
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not seconds > 0:
        raise SettingsError(f"DEMO_SECONDS: expected a number of seconds above 0, got {text!r}")
    return seconds


if __name__ == "__main__":
    main()
