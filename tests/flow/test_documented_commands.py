"""Every command in README and docs works as it is printed there.

The commands are read from the fenced blocks. `TABLE` says how each is tried; a command that it does not know
is an error. A document's commands run one after the other in a directory of their own.
"""

from __future__ import annotations

import csv
import json
import math
import re
import shlex
import signal
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
import yaml  # type: ignore[import-untyped]

from config.settings import DEFAULT_FILE, Settings, load
from dataflows.alert.actions import read_actions
from dataflows.messages import MessageBatch
from scripts.brokers.ports import free_port
from sim.commands.arguments import check
from sim.commands.reading import Unreadable
from sim.commands.reading import read as read_command
from tests.support.documents import DOCUMENTS, Command, commands, missing_options, prose, toml
from tests.support.enriched_events import payload
from tests.support.history_job import rollup
from tests.support.paths import REPOSITORY
from tests.support.sandbox import PREPARING, Sandbox
from tests.support.stored_history import store

ACTIVATE = "source .venv/bin/activate"
PAGE_PORT = "STREAMLIT_SERVER_PORT"
SIGTERM = -15

WITH_COMMANDS = [document for document in DOCUMENTS if commands(document)]


@dataclass(frozen=True, slots=True)
class Desk:
    """Where the commands of a document are tried.

    Attributes:
        sandbox: runs them.
        topic: all their topics are below it.
        page_port: port of the page.
    """

    sandbox: Sandbox
    topic: str
    page_port: int

    @property
    def directory(self) -> Path:
        return self.sandbox.directory


Try = Callable[[Command, Desk], None]


def to_its_end(given: Callable[[Desk], None] | None = None) -> Try:
    """The command ends by itself with status 0, if `given` has put what it needs into the directory."""

    def attempt(command: Command, desk: Desk) -> None:
        if given is not None:
            given(desk)
        desk.sandbox.run(command.text)

    return attempt


def until(sign_of_life: str, status: int = 0) -> Try:
    """The command prints what matches `sign_of_life`, and ends with `status` on SIGTERM."""

    def attempt(command: Command, desk: Desk) -> None:
        found = desk.sandbox.watch(command.text, lambda said: re.search(sign_of_life, said))
        assert found == status, f"{command}: status {found} after SIGTERM"

    return attempt


def until_the_page_answers(command: Command, desk: Desk) -> None:
    """The page serves its health check, and ends by SIGTERM: its server raises it again at the end."""

    def answers(said: str) -> bool:
        if "URL: " not in said:
            return False
        address = f"http://127.0.0.1:{desk.page_port}/_stcore/health"
        with urllib.request.urlopen(address, timeout=10.0) as answer:
            return bool(answer.read() == b"ok")

    assert desk.sandbox.watch(command.text, answers) == -signal.SIGTERM


def planned(because: str) -> Try:
    """The command is not run, `because` of this; make knows the target and what it would do."""
    assert because

    def attempt(command: Command, desk: Desk) -> None:
        assert desk.sandbox.run(re.sub(r"\bmake ", "make --dry-run ", command.text)).strip()

    return attempt


def with_known_options(because: str, program: str) -> Try:
    """The command is not run, `because` of this; `program` lists each of its options in its ``--help``."""
    assert because

    def attempt(command: Command, desk: Desk) -> None:
        known = desk.sandbox.run(f"{ACTIVATE}; {program} --help")
        after = command.text.partition(program)[2]
        for option in re.findall(r"(?:^| |\[)(--?[a-z][\w-]*)", after):
            assert re.search(rf"(?<![\w-]){option}\b", known), f"{command}: {program} has no {option}"

    return attempt


def with_existing_files(because: str) -> Try:
    """The command is not run, `because` of this; the files that it names are there."""
    assert because

    def attempt(command: Command, desk: Desk) -> None:
        files = re.findall(r"config/\S+", command.text)
        assert files
        assert all((desk.directory / file).is_file() for file in files)

    return attempt


def not_run(because: str) -> Try:
    """The command is not run, `because` of this."""
    assert because
    return lambda command, desk: None


def with_defined_options(because: str) -> Try:
    """The command is not run, `because` of this; its module is one of ours and defines each option."""
    assert because

    def attempt(command: Command, desk: Desk) -> None:
        (module,) = re.findall(r"python -m (\S+)", command.text)
        assert missing_options(module, command.text) == [], f"{command}: unknown options"

    return attempt


def an_action_that_the_job_understands(command: Command, desk: Desk) -> None:
    """Not run, since tests/flow/test_alerts_mqtt.py sends some; the job reads this topic and message."""
    words = shlex.split(command.text)
    topic, payload = words[words.index("-t") + 1], words[words.index("-m") + 1]
    assert topic == load(DEFAULT_FILE).actions_topic
    read = read_actions(MessageBatch([payload.encode()], [topic], [0], "mqtt"))
    assert read.dead_letters == []


def a_command_that_the_simulator_understands(command: Command, desk: Desk) -> None:
    """Not run, since tests/flow/test_sim_commands.py sends some; the simulator reads this one."""
    words = shlex.split(command.text)
    topic, payload = words[words.index("-t") + 1], words[words.index("-m") + 1]
    commands_topic = load(DEFAULT_FILE).command_topic
    assert topic == commands_topic or topic.startswith(f"{commands_topic}/VEH-"), str(command)
    read = read_command(payload.encode())
    assert not isinstance(read, Unreadable), str(command)
    assert check(read) == "", str(command)


def named_tests_are_there(command: Command, desk: Desk) -> None:
    """Not run, since `make test` runs them all; the file or folder is there, and has the test."""
    path, _, name = command.text.split()[3].partition("::")
    assert (REPOSITORY / path).exists(), f"{command}: there is no {path}"
    assert not name or f"def {name}(" in (REPOSITORY / path).read_text(encoding="utf-8"), str(command)


def compose_profile(command: Command, desk: Desk) -> None:
    """Not run, since few machines have Docker; there are services with each profile."""
    services = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    for profile in re.findall(r"--profile (\S+)", command.text):
        assert any(profile in service["profiles"] for service in services.values()), str(command)


def some_telemetry(desk: Desk) -> None:
    """A short recording, if the recorder has left none."""
    messages = [
        {
            "topic": f"{desk.topic}/telemetry/VEH-1",
            "arrived_at": f"2026-01-01T00:00:0{second}Z",
            "payload": {"vehicle_id": "VEH-1", "ts": f"2026-01-01T00:00:0{second}Z", "speed": 50 + second},
        }
        for second in range(3)
    ]
    lines = "".join(f"{json.dumps(message)}\n" for message in messages)
    (desk.directory / "telemetry.jsonl").write_text(lines, encoding="utf-8")
    desk.sandbox.run("rm -f telemetry.jsonl.gz && gzip telemetry.jsonl")


def a_labelled_trip(desk: Desk) -> None:
    """A table of two correlated signals with a fault in it."""
    with (desk.directory / "trip.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["speed", "rpm", "label"])
        for row in range(1200):
            speed = 60.0 + 20.0 * math.sin(row / 30.0) + (row * 7 % 10) / 10.0
            is_faulty = 1000 <= row < 1010
            table.writerow([speed, 30.0 * speed + (row * 3 % 10) + 900.0 * is_faulty, int(is_faulty)])


def a_log(desk: Desk) -> None:
    """A table with its times in one column, and in two."""
    clock = [f"10:{row // 60:02d}:{row % 60:02d}" for row in range(300)]
    lines = [f"01.02.2026 {time};2026-02-01;{time};{row * 7 % 13}" for row, time in enumerate(clock)]
    (desk.directory / "log.csv").write_text("\n".join(["Zeit;Date;Time;v", *lines]) + "\n", encoding="utf-8")


def some_messages(desk: Desk) -> None:
    """A drive of two vehicles, a message on each line."""
    events = [
        {"vin": f"V{van}", "ts": 1_785_000_000 + second, "speed": 60 + second % 20, "rpm": 1800 + second % 7}
        for second in range(150)
        for van in (1, 2)
    ]
    lines = "".join(f"{json.dumps(event)}\n" for event in events)
    (desk.directory / "trip.jsonl").write_text(lines, encoding="utf-8")


def some_history(desk: Desk) -> None:
    """Events and rollups of a vehicle, as the recorder keeps them."""
    directory = desk.directory / "history"
    store(directory, "events", [payload("VEH-0001", number) for number in range(3)])
    store(directory, "rollups", [msgspec.json.encode(rollup("VEH-0001"))], topic="fleet/rollups/VEH-0001")


def days_of_a_vehicle(desk: Desk) -> None:
    """Rollups of the day that the documents name, and of yesterday."""
    some = rollup("VEH-0007")
    for day in (datetime(2026, 11, 27, 12, tzinfo=UTC), datetime.now(UTC) - timedelta(days=1)):
        times = {"start": day, "first_at": day, "last_at": day, "end": day + timedelta(minutes=1)}
        moved = msgspec.structs.replace(some, rollup_id=f"VEH-0007@{day}", **times)
        store(
            desk.directory / "history",
            "rollups",
            [msgspec.json.encode(moved)],
            topic="fleet/rollups/VEH-0007",
        )


def a_repository(desk: Desk) -> None:
    desk.sandbox.run("git init --quiet")


NEEDS_VEHICLES = "it listens to vehicles; tests/flow/test_describe.py has some"
NEEDS_PACKAGES = "it downloads all packages"
NEEDS_TIME = "it takes minutes, and runs the tests"
NEEDS_JAVA = "it needs Java and Maven; tests/flow/test_kafka_broker.py runs it"
NEEDS_SEVERAL_HOSTS = "it needs several hosts; tests/fault/test_kafka.py runs several processes"
NEEDS_PASSWORDS = "tests/flow/test_mqtt_secured_programs.py and tests/ui/test_login_users.py have some"
NEEDS_ROOT = "it needs root"
NEEDS_ENGINE = "it needs docker; scripts/stack/containers.py does it where that is"
NEEDS_CLIENTS = "it needs mosquitto's clients, and does not end"
NEEDS_FIXED_PORTS = "its ports may be taken; scripts/brokers/mosquitto.py starts it on others"
MEASURES = "it measures for minutes"

BYTEWAX = "python -m bytewax.run"

TABLE: list[tuple[str, Try]] = [
    # make
    (r"make install", planned(NEEDS_PACKAGES)),
    (r"make (check|test|test-fast|test-all|faults|stack|containers)", planned(NEEDS_TIME)),
    (r"make demo", until(r"the page: http://localhost:\d+", SIGTERM)),
    (r"make kafka", planned(NEEDS_JAVA)),
    (r"FLEET_CONFIG=config/kafka\.toml make demo", planned(NEEDS_JAVA)),
    (r"make certificates HOSTS=.*", to_its_end()),
    # the job, and those beside it
    (r"mkdir -m 700 \.recovery( && python -m bytewax\.recovery \.recovery \d)?", to_its_end()),
    (rf"{BYTEWAX} dataflows\.fleet -r \.recovery -s 10 -b 0", until("subscribed to")),
    (rf"{BYTEWAX} dataflows\.fleet -r .* -i \d -a .*", with_known_options(NEEDS_SEVERAL_HOSTS, BYTEWAX)),
    (rf"FLEET__MQTT__USERNAME=.* {BYTEWAX} .*", with_known_options(NEEDS_PASSWORDS, BYTEWAX)),
    (r"(FLEET_CONFIG=\S+ )?streamlit run ui", until_the_page_answers),
    (r".*streamlit run ui.*", with_known_options(NEEDS_PASSWORDS, "streamlit run")),
    (r"python -m ui\.login .*", with_known_options(NEEDS_PASSWORDS, "python -m ui.login")),
    # notifications
    (r"mkdir -m 700 \.recovery-notify && python -m bytewax\.recovery \.recovery-notify 1", to_its_end()),
    (r"python -m dataflows\.notify --dry-run", until("subscribed to")),
    (rf"{BYTEWAX} dataflows\.notify -r \.recovery-notify -s 10 -b 0", until("subscribed to")),
    # alerts
    (r"mosquitto_sub -v -t 'fleet/alerts/#'", not_run(NEEDS_CLIENTS)),
    (r"mosquitto_pub -q 1 -t \S+ -m '.*'", an_action_that_the_job_understands),
    # commands
    (r"mosquitto_sub -v -t fleet/command/ack", not_run(NEEDS_CLIENTS)),
    (r"mosquitto_pub -t fleet/command\S* -m .*", a_command_that_the_simulator_understands),
    (r"kafka-console-\w+\.sh .*", not_run(NEEDS_JAVA)),
    # recordings
    (rf"FLEET__RECORDING__OUTPUT=\S+ {BYTEWAX} dataflows\.record", until("subscribed to")),
    (r"python -m sim replay telemetry\.jsonl\.gz --speed 10", to_its_end(some_telemetry)),
    (r"python -m sim --duration 600 --output fleet\.jsonl\.gz", to_its_end()),
    (r"FLEET_CONFIG=config/region\.toml python -m sim --duration 300 --output \S+", to_its_end()),
    (r"python -m sim roads --output roads\.geojson", to_its_end()),
    (r"FLEET_CONFIG=config/traccar\.toml python -m sim --format traccar .* --output \S+", to_its_end()),
    (r"FLEET_CONFIG=config/traccar\.toml python -m dataflows\.backtest fleet\.jsonl\.gz", to_its_end()),
    (r"python -m sim --network \S+ --duration 600 --output fleet\.jsonl\.gz", to_its_end()),
    (rf"FLEET__SOURCE__KIND=recording FLEET__RECORDING__INPUT=\S+ {BYTEWAX} dataflows\.fleet", to_its_end()),
    (r"python -m dataflows\.backtest fleet\.jsonl\.gz", to_its_end()),
    (r"python -m dataflows\.backtest trip\.csv .*", to_its_end(a_labelled_trip)),
    (r"python -m dataflows\.backtest log\.csv .*", to_its_end(a_log)),
    # history
    (rf"{BYTEWAX} dataflows\.record", until("subscribed to")),
    (r"python -m dataflows\.history .*", to_its_end(some_history)),
    (r"python -m dataflows\.report.*", to_its_end(days_of_a_vehicle)),
    # settings
    (r"python -m dataflows\.describe trip\.jsonl > config/mine\.toml", to_its_end(some_messages)),
    (r"python -m dataflows\.describe trip\.csv .*", to_its_end(a_labelled_trip)),
    (r"python -m dataflows\.describe --topic .*", with_defined_options(NEEDS_VEHICLES)),
    # metrics
    (rf"FLEET__MONITORING__PORT=\d+ {BYTEWAX} \S+", with_known_options(NEEDS_FIXED_PORTS, BYTEWAX)),
    (r"prometheus --config\.file config/\S+", with_existing_files(NEEDS_FIXED_PORTS)),
    # brokers
    (r"python -m scripts\.broker_users .*", to_its_end()),
    (r"mosquitto -c config/\S+", with_existing_files(NEEDS_FIXED_PORTS)),
    (r"docker compose( --profile \S+)+ up --build", compose_profile),
    (r"docker compose --profile secure (build|run .*)|sudo chown 1883 .*", not_run(NEEDS_ENGINE)),
    # development
    (r"apt-get install .*", not_run(NEEDS_ROOT)),
    (r"python -m pytest tests/\S+ .*", named_tests_are_there),
    (r"pre-commit install", to_its_end(a_repository)),
    # benchmarks
    (r"(\.venv/bin/)?python -m benchmarks\.\w+( .*)?", with_defined_options(MEASURES)),
]
"""Pattern of a whole command, and how it is tried. The first that matches counts."""


def attempt_of(command: Command) -> Try:
    for pattern, attempt in TABLE:
        if re.fullmatch(pattern, command.text):
            return attempt
    raise AssertionError(f"{command}: add how to try it to TABLE")


@pytest.fixture
def desk(tmp_path: Path, settings: Settings, topic: str) -> Desk:
    """A directory, topics and a port of the test's own; the broker is that of all tests."""
    port = free_port()
    mqtt = settings.mqtt
    variables = {
        "FLEET__MQTT__HOST": mqtt.host,
        "FLEET__MQTT__PORT": str(mqtt.port),
        "FLEET__MQTT__PROTOCOL": mqtt.protocol,
        "FLEET__MQTT__CLIENT_ID": f"documented-{uuid4().hex[:12]}",
        "FLEET__TOPICS__TELEMETRY": f"{topic}/telemetry/+",
        "FLEET__TOPICS__ENRICHED": f"{topic}/enriched",
        "FLEET__TOPICS__DEAD_LETTER": f"{topic}/dead-letter",
        "FLEET__TOPICS__GROUND_TRUTH": f"{topic}/ground-truth",
        "FLEET__TOPICS__ALERTS": f"{topic}/alerts",
        "FLEET__TOPICS__ALERT_ACTIONS": f"{topic}/alert-actions",
        "FLEET__TOPICS__ROLLUPS": f"{topic}/rollups",
        "FLEET__TOPICS__LATE": f"{topic}/late",
        "FLEET__TOPICS__COMMAND": f"{topic}/command",
        "FLEET__TOPICS__AUDIT": f"{topic}/audit",
        # A small fleet has all that a large one has.
        "FLEET__SIMULATOR__VEHICLES": "3",
        PAGE_PORT: str(port),
    }
    return Desk(Sandbox(tmp_path, variables), topic, port)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "document", WITH_COMMANDS, ids=lambda document: document.relative_to(REPOSITORY).as_posix()
)
def test_every_command_of_a_document_works(document: Path, desk: Desk) -> None:
    (desk.directory / "config" / "mine.toml").write_text(toml(document), encoding="utf-8")
    lines = prose(document).splitlines()
    is_active = False
    for command in commands(document):
        if not is_active and any(f"`{ACTIVATE}`" in line for line in lines[: command.line]):
            desk.sandbox.prepare(ACTIVATE)
            is_active = True
        if PREPARING.match(command.text):
            desk.sandbox.prepare(command.text)
        else:
            attempt_of(command)(command, desk)


def test_an_unknown_command_is_an_error() -> None:
    with pytest.raises(AssertionError, match=r"README.md:1: rm -rf /: add how to try it to TABLE"):
        attempt_of(Command(REPOSITORY / "README.md", 1, "rm -rf /"))


def test_every_row_of_the_table_is_for_a_command_of_a_document() -> None:
    texts = [command.text for document in WITH_COMMANDS for command in commands(document)]
    unused = [pattern for pattern, _ in TABLE if not any(re.fullmatch(pattern, text) for text in texts)]
    assert unused == []
