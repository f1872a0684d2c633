"""A recovery directory that is missing, damaged, full, unsafe or of something else.

The guarantee: the job says in one line what is wrong and what to do, and ends with a status other than 0. It
never begins afresh by itself, and what was there is unchanged.
"""

from __future__ import annotations

import os
import pickle
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from bytewax.recovery import init_db_dir

from config.errors import RecoveryError
from dataflows.events import Enriched
from dataflows.job.recovery_directory import RecoveryOptions, check_recovery_directory
from scripts.brokers.process import Broker
from scripts.fault_measurement import Measure, Measurement
from tests.support.mqtt_clients import Inbox
from tests.support.paths import REPOSITORY
from tests.support.telemetry import telemetry

PARTITIONS = 2
SMALL_DISK = 400_000
"""Bytes that a file may hold; the state of `MANY` vehicles needs more."""

MANY = 2_000


class Run:
    """A job from a recording to files, with recovery; started as often as one likes."""

    def __init__(self, directory: Path, payloads: list[bytes]) -> None:
        self.recovery = directory / "recovery"
        if not self.recovery.exists():
            self.recovery.mkdir()
            init_db_dir(self.recovery, PARTITIONS)
        (directory / "trip.jsonl").write_bytes(b"\n".join(payloads) + b"\n")
        self._directory = directory
        self._variables = {
            "FLEET__SOURCE__KIND": "recording",
            "FLEET__SINK__KIND": "recording",
            "FLEET__RECORDING__INPUT": str(directory / "trip.jsonl"),
            "FLEET__RECORDING__RESULTS": str(directory / "results"),
            "RUST_BACKTRACE": "0",
        }

    def __call__(
        self, variables: dict[str, str] | None = None, *, limit: int | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run it to its end.

        Args:
            variables: settings, such as ``FLEET__DETECTOR__WINDOW``.
            limit: size of a file at which the disk is as good as full.
        """
        command = [sys.executable, "-m", "bytewax.run", "dataflows.fleet", "-r", str(self.recovery)]

        def restrict() -> None:
            if limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        return subprocess.run(
            [*command, "-s", "1", "-b", "0"],
            cwd=REPOSITORY,
            env=os.environ | self._variables | (variables or {}),
            capture_output=True,
            text=True,
            timeout=60,
            preexec_fn=restrict,
        )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of a job that has come to the end of its recording once."""
    directory = tmp_path_factory.mktemp("finished")
    ended = Run(directory, telemetry(400))()
    assert ended.returncode == 0, ended.stderr
    return directory


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Run:
    """A copy of it."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    return Run(tmp_path, telemetry(400))


@pytest.fixture
def recovery(run: Run) -> Path:
    return run.recovery


def refused(ended: subprocess.CompletedProcess[str]) -> str:
    """The one line that the job ended with."""
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    lines = [line for line in ended.stderr.splitlines() if line.startswith("fleet: ")]
    assert len(lines) == 1, ended.stderr
    return lines[0]


def told(recovery: Path, flow: str = "fleet") -> str:
    """What is said of a directory before the engine looks at it."""
    with pytest.raises(RecoveryError) as raised:
        check_recovery_directory(recovery, flow)
    return str(raised.value)


def content(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.glob("part-*.sqlite3")}


def test_a_sound_directory_is_gone_on_from(run: Run) -> None:
    assert run().returncode == 0


def test_a_directory_that_is_missing_is_told_with_the_command_that_makes_it(run: Run) -> None:
    run.recovery.rename(run.recovery.with_name("elsewhere"))
    line = refused(run())
    assert f"expected the recovery directory {run.recovery} to exist" in line
    assert f"mkdir -m 700 {run.recovery} && python -m bytewax.recovery {run.recovery} 1" in line


def test_an_empty_directory_is_not_taken_for_a_first_start(recovery: Path) -> None:
    for file in recovery.iterdir():
        file.unlink()
    assert "expected part-*.sqlite3 in the recovery directory" in told(recovery)


def test_a_directory_that_lacks_a_file_is_not_gone_on_from(run: Run) -> None:
    (run.recovery / "part-1.sqlite3").unlink()
    before = content(run.recovery)
    assert "Missing recovery partitions" in refused(run())
    assert content(run.recovery) == before


def scribble(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.seek(4096)
        opened.write(os.urandom(8192))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (scribble, "malformed|damaged"),
        (lambda file: file.write_bytes(b"hello"), "not a database"),
        (lambda file: file.write_bytes(b""), "no such table"),
        (lambda file: file.write_bytes(file.read_bytes()[:20_000]), "malformed|damaged"),
    ],
    ids=["scribbled over", "not a database", "empty", "cut off"],
)
@pytest.mark.parametrize("part", [0, 1])
def test_a_damaged_file_is_named(
    recovery: Path, part: int, damage: Callable[[Path], None], says: str
) -> None:
    file = recovery / f"part-{part}.sqlite3"
    damage(file)
    before = content(recovery)
    line = told(recovery)
    assert str(file) in line
    assert any(word in line for word in says.split("|"))
    assert content(recovery) == before


@pytest.mark.parametrize("mode", [0o777, 0o757])
@pytest.mark.parametrize("what", [".", "part-0.sqlite3"])
def test_state_that_others_may_write_is_not_unpickled(recovery: Path, mode: int, what: str) -> None:
    path = recovery / what
    path.chmod(mode)
    line = told(recovery)
    assert f"expected nobody else to have write access to {path}" in line
    assert f"chmod -R go-w {path}" in line


def test_the_state_of_another_flow_is_not_mixed_with_ours(recovery: Path) -> None:
    line = told(recovery, "record")
    assert "expected state of the flow 'record'" in line
    assert "got some of 'fleet." in line


def change_layout(recovery: Path) -> None:
    """Make the state that of an older layout of the detector."""
    for file in recovery.glob("part-*.sqlite3"):
        with closing(sqlite3.connect(file)) as database, database:
            rows = database.execute("SELECT rowid, ser_change FROM snaps WHERE step_id LIKE '%score%'")
            for row, pickled in rows.fetchall():
                state = pickle.loads(pickled)  # noqa: S301
                state["detector"]["layout_version"] = 1
                database.execute(
                    "UPDATE snaps SET ser_change = ? WHERE rowid = ?", (pickle.dumps(state), row)
                )


def test_state_of_an_older_layout_is_refused_with_what_to_do(run: Run) -> None:
    change_layout(run.recovery)
    line = refused(run())
    assert "expected a snapshot with layout_version = " in line
    assert "got 1" in line
    assert "start with an empty recovery directory" in line


def test_state_of_other_settings_is_refused_with_what_differs(run: Run) -> None:
    assert "expected a snapshot with window = 7, got 10" in refused(run({"FLEET__DETECTOR__WINDOW": "7"}))


@pytest.mark.long
def test_a_full_disk_ends_the_job_in_one_line_and_costs_no_event(
    tmp_path: Path, broker: Broker, topic: str, measure: Measure
) -> None:
    """The disk of the recovery directory runs full. With room again, the job goes on and nothing is lost."""
    payloads = telemetry(2 * MANY, vehicles=MANY)
    run = Run(tmp_path, payloads)
    mqtt = broker.settings()
    variables = {
        "FLEET__SINK__KIND": "mqtt",
        "FLEET__MQTT__PORT": str(mqtt.port),
        "FLEET__MQTT__PROTOCOL": mqtt.protocol,
        "FLEET__MQTT__CLIENT_ID": mqtt.client_id,
        "FLEET__TOPICS__ENRICHED": f"{topic}/enriched",
    }
    with Inbox(mqtt, f"{topic}/enriched/+") as inbox:
        line = refused(run(variables, limit=SMALL_DISK))
        assert "the recovery directory cannot be written or read: " in line
        assert "nothing is lost" in line
        ended = run(variables)
        assert ended.returncode == 0, ended.stderr
        messages = inbox.wait_for(2 * MANY)
    events = [msgspec.json.decode(message, type=Enriched) for message in messages]
    out = {bytes(event.telemetry) for event in events}
    lost = sum(payload not in out for payload in payloads)
    repeated = len(events) - len({event.event_id for event in events})
    measure(Measurement("disk of the recovery directory full", 2 * MANY, lost, repeated))
    assert lost == 0


def test_state_that_a_group_may_write_is_told_and_used(
    recovery: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recovery.chmod(0o770)
    check_recovery_directory(recovery, "fleet")
    assert f"{recovery} belongs to user" in caplog.text
    assert "who can write to it can run code as us" in caplog.text


def test_one_of_several_processes_may_have_no_partition(tmp_path: Path) -> None:
    check_recovery_directory(tmp_path, "fleet", alone=False)
    with pytest.raises(RecoveryError, match="found none"):
        check_recovery_directory(tmp_path, "fleet")


def test_state_that_another_job_uses_is_not_called_damaged(recovery: Path) -> None:
    with closing(sqlite3.connect(recovery / "part-0.sqlite3", isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN EXCLUSIVE")
        line = told(recovery)
    assert "database is locked; see to its rights and its disk, and that no other job uses it" in line


@pytest.mark.parametrize(
    ("arguments", "directory", "alone"),
    [
        (["x/bytewax/run.py", "dataflows.fleet"], None, True),
        (["x/bytewax/run.py", "dataflows.fleet", "-r", "a", "-s", "1"], "a", True),
        (["x/bytewax/run.py", "-ra", "dataflows.fleet"], "a", True),
        (
            ["x/bytewax/run.py", "dataflows.fleet", "--recovery-directory=a", "-i", "0", "-a", "b;c"],
            "a",
            False,
        ),
        (["pytest", "-ra"], None, True),
        ([], None, True),
    ],
)
def test_the_recovery_directory_is_the_one_that_the_engine_is_given(
    arguments: list[str], directory: str | None, alone: bool
) -> None:
    options = RecoveryOptions.of(arguments, {})
    assert options == RecoveryOptions(None if directory is None else Path(directory), alone)
    if arguments and arguments[0].endswith("run.py") and directory is None:
        assert RecoveryOptions.of(arguments, {"BYTEWAX_RECOVERY_DIRECTORY": "b"}).directory == Path("b")
