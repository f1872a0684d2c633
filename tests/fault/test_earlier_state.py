"""A job that finds a recovery directory of a version before state was plain data.

The guarantee is that of `test_recovery_directory`: one line, a status other than 0, and the directory is left
as it was. tests/data/earlier-recovery/README.md says how the directories were written.
"""

from __future__ import annotations

import gzip
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.paths import REPOSITORY
from tests.support.pickle_names import named_by
from tests.support.recovery_run import Run, error_before_start
from tests.support.telemetry import telemetry

EARLIER = REPOSITORY / "tests/data/earlier-recovery"
HALF_SPACE_TREES = {
    "FLEET__DETECTOR__KIND": "river.anomaly.HalfSpaceTrees",
    "FLEET__DETECTOR__RIVER": '{"n_trees": 2, "height": 3, "window_size": 50}',
}


@pytest.mark.parametrize(
    ("name", "variables"),
    [
        ("recording", {}),
        pytest.param("river", HALF_SPACE_TREES, marks=pytest.mark.long),
        pytest.param("kafka", {"FLEET__SOURCE__KIND": "kafka"}, marks=pytest.mark.long),
    ],
)
def test_state_of_an_earlier_version_is_refused_in_one_line(
    tmp_path: Path, name: str, variables: dict[str, str]
) -> None:
    run = Run(tmp_path, telemetry(400), partitions=1)
    file = run.recovery / "part-0.sqlite3"
    earlier = gzip.decompress((EARLIER / f"{name}.sqlite3.gz").read_bytes())
    file.write_bytes(earlier)
    line = error_before_start(run(variables))
    assert f"{file}: this version cannot read the state of 'fleet." in line
    assert "finish with the version that wrote it, or start over with a new directory" in line
    assert "the offsets committed to the consumer group" in line
    assert file.read_bytes() == earlier


def test_the_directories_are_of_a_version_that_stored_objects(tmp_path: Path) -> None:
    named = set()
    for packed in EARLIER.glob("*.sqlite3.gz"):
        file = tmp_path / packed.stem
        file.write_bytes(gzip.decompress(packed.read_bytes()))
        with closing(sqlite3.connect(file)) as database:
            for (pickled,) in database.execute("SELECT ser_change FROM snaps"):
                named |= {f"{module}.{name}" for module, name in named_by(pickled)}
    assert {
        "dataflows.connectors.kafka_source.Position",
        "dataflows.river_model.Watched",
        "river.drift.adwin.ADWIN",
    } <= named
