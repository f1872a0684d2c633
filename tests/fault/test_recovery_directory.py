"""A recovery directory that is missing, damaged, full, unsafe, or of another flow or version.

The guarantee: the job says in one line what is wrong and what to do, and exits with a status other than 0. It
never silently starts from scratch, and leaves the directory as it was.
"""

from __future__ import annotations

import os
import pickle
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from config.errors import RecoveryError
from dataflows.events import Enriched
from dataflows.job.recovery_directory import RecoveryOptions, check_recovery_directory
from dataflows.job.window_state import CLASSES
from dataflows.stored_state import FILE, RECORDING, SHARD, StateLayout, Stored
from scripts.brokers.process import Broker
from scripts.fault_measurement import Measure, Measurement
from tests.support.mqtt_clients import Inbox
from tests.support.pickle_names import named_by
from tests.support.recovery_run import Run, error, error_before_start
from tests.support.telemetry import telemetry

SMALL_DISK = 400_000
"""Largest file, in bytes; the state of `MANY` vehicles needs more."""

MANY = 2_000


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of a job that has once run to the end of its recording."""
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


def error_of_check(recovery: Path, flow: str = "fleet") -> str:
    """The error that the check of a directory raises."""
    with pytest.raises(RecoveryError) as raised:
        check_recovery_directory(recovery, flow)
    return str(raised.value)


def content(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.glob("part-*.sqlite3")}


def test_a_job_resumes_from_a_sound_directory(run: Run) -> None:
    assert run().returncode == 0


def test_a_missing_directory_is_reported_with_the_command_that_creates_it(run: Run) -> None:
    run.recovery.rename(run.recovery.with_name("elsewhere"))
    line = error_before_start(run())
    assert f"expected the recovery directory {run.recovery} to exist" in line
    assert f"mkdir -m 700 {run.recovery} && python -m bytewax.recovery {run.recovery} 1" in line


def test_an_empty_directory_is_not_taken_for_a_first_start(recovery: Path) -> None:
    for file in recovery.iterdir():
        file.unlink()
    assert "expected part-*.sqlite3 in the recovery directory" in error_of_check(recovery)


@pytest.mark.long
def test_a_job_does_not_resume_from_a_directory_that_lacks_a_file(run: Run) -> None:
    (run.recovery / "part-1.sqlite3").unlink()
    before = content(run.recovery)
    assert "Missing recovery partitions" in error(run())
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
    line = error_of_check(recovery)
    assert str(file) in line
    assert any(word in line for word in says.split("|"))
    assert content(recovery) == before


@pytest.mark.parametrize("mode", [0o777, 0o757])
@pytest.mark.parametrize("what", [".", "part-0.sqlite3"])
def test_state_that_everybody_may_write_is_not_unpickled(recovery: Path, mode: int, what: str) -> None:
    path = recovery / what
    path.chmod(mode)
    line = error_of_check(recovery)
    assert f"expected {path} not to be writable by everybody" in line
    assert f"chmod -R go-w {path}" in line


def test_the_state_of_another_flow_is_not_mixed_with_ours(recovery: Path) -> None:
    line = error_of_check(recovery, "record")
    assert "expected state of the flow 'record'" in line
    assert "got state of 'fleet." in line


def change_states(recovery: Path, step: str, change: Callable[[Any], Any]) -> None:
    """Replace every state of a step."""
    for file in recovery.glob("part-*.sqlite3"):
        with closing(sqlite3.connect(file)) as database, database:
            rows = database.execute("SELECT rowid, ser_change FROM snaps WHERE step_id = ?", (step,))
            for row, pickled in rows.fetchall():
                changed = pickle.dumps(change(pickle.loads(pickled)))  # noqa: S301
                database.execute("UPDATE snaps SET ser_change = ? WHERE rowid = ?", (changed, row))


@pytest.mark.long
def test_state_of_an_older_layout_of_the_detector_is_refused_with_what_to_do(run: Run) -> None:
    def older(state: Stored) -> Stored:
        content = SHARD.unwrap(state)
        return SHARD.wrap(content | {"detector": content["detector"] | {"layout_version": 1}})

    change_states(run.recovery, "fleet.score", older)
    line = error_before_start(run())
    assert "expected a snapshot with layout_version = " in line
    assert "got 1" in line
    assert "start with an empty recovery directory" in line


@pytest.mark.parametrize(
    ("step", "layout"), [("fleet.telemetry", RECORDING), ("fleet.score", SHARD), ("fleet.enriched", FILE)]
)
def test_state_of_another_version_is_refused_whatever_step_it_is_of(
    recovery: Path, step: str, layout: StateLayout
) -> None:
    newer = StateLayout(layout.name, layout.version + 1)
    change_states(recovery, step, lambda state: newer.wrap(layout.unwrap(state)))
    line = error_of_check(recovery)
    assert f"cannot read the state of {step!r}" in line
    assert f"expected state with the layout {layout}, got {newer}" in line
    assert "finish with the version that wrote it, or start over with a new directory" in line


class Hostile:
    """Creates a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.file),)


@pytest.mark.long
def test_state_that_names_anything_but_plain_data_is_refused_before_it_is_unpickled(run: Run) -> None:
    trap = run.recovery / "trap"
    change_states(run.recovery, "fleet.score", lambda state: SHARD.wrap(Hostile(trap)))
    line = error_before_start(run())
    assert "expected numbers, strings, arrays and collections of them, got posix.mkdir" in line
    assert not trap.exists()


def test_a_damaged_pickle_is_refused(recovery: Path) -> None:
    for file in recovery.glob("part-*.sqlite3"):
        with closing(sqlite3.connect(file)) as database, database:
            database.execute("UPDATE snaps SET ser_change = substr(ser_change, 1, length(ser_change) - 9)")
    assert "expected a pickle, got damaged data" in error_of_check(recovery)


def test_what_a_job_stores_names_nothing_but_numpys_arrays_and_the_engines_windows(recovery: Path) -> None:
    steps = set()
    for file in recovery.glob("part-*.sqlite3"):
        with closing(sqlite3.connect(file)) as database:
            stored = "SELECT step_id, ser_change FROM snaps WHERE ser_change IS NOT NULL"
            for step, pickled in database.execute(stored):
                steps.add(step)
                others = {name for name in named_by(pickled) if name[0].split(".")[0] != "numpy"}
                assert others <= (CLASSES if step.startswith("fleet.windows") else set())
    assert steps >= {"fleet.telemetry", "fleet.score", "fleet.alert", "fleet.roll-up", "fleet.enriched"}


@pytest.mark.long
def test_a_directory_of_a_version_without_alerts_is_resumed_with_none(run: Run, recovery: Path) -> None:
    for file in recovery.glob("part-*.sqlite3"):
        with closing(sqlite3.connect(file)) as database, database:
            database.execute("DELETE FROM snaps WHERE step_id = 'fleet.alert'")
    resumed = run()
    assert resumed.returncode == 0, resumed.stderr
    states = set()
    for file in recovery.glob("part-*.sqlite3"):
        with closing(sqlite3.connect(file)) as database:
            states |= {step for (step,) in database.execute("SELECT DISTINCT step_id FROM snaps")}
    assert "fleet.score" in states


@pytest.mark.long
def test_state_of_other_settings_is_refused_with_what_differs(run: Run) -> None:
    line = error_before_start(run({"FLEET__DETECTOR__WINDOW": "7"}))
    assert "expected a snapshot with window = 7, got 10" in line


@pytest.mark.long
def test_a_full_disk_ends_the_job_in_one_line_and_costs_no_event(
    tmp_path: Path, broker: Broker, topic: str, measure: Measure
) -> None:
    """The disk of the recovery directory is full. With space again, the job resumes and nothing is lost."""
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
        line = error(run(variables, limit=SMALL_DISK))
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


def test_state_that_a_group_may_write_is_used_with_a_warning(
    recovery: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recovery.chmod(0o770)
    check_recovery_directory(recovery, "fleet")
    assert f"{recovery} belongs to user" in caplog.text
    assert "anyone with write access can execute code as this user" in caplog.text


def test_one_of_several_processes_may_have_no_partition(tmp_path: Path) -> None:
    check_recovery_directory(tmp_path, "fleet", single_process=False)
    with pytest.raises(RecoveryError, match="found none"):
        check_recovery_directory(tmp_path, "fleet")


@pytest.mark.long
def test_a_file_that_another_job_uses_is_not_called_damaged(recovery: Path) -> None:
    with closing(sqlite3.connect(recovery / "part-0.sqlite3", isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN EXCLUSIVE")
        line = error_of_check(recovery)
    assert "database is locked; check its permissions and disk, and that no other job uses it" in line


@pytest.mark.parametrize(
    ("arguments", "directory", "single_process"),
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
    arguments: list[str], directory: str | None, single_process: bool
) -> None:
    options = RecoveryOptions.of(arguments, {})
    assert options == RecoveryOptions(None if directory is None else Path(directory), single_process)
    if arguments and arguments[0].endswith("run.py") and directory is None:
        assert RecoveryOptions.of(arguments, {"BYTEWAX_RECOVERY_DIRECTORY": "b"}).directory == Path("b")
