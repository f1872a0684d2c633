"""A history in a bucket, over HTTP."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from config.errors import HistoryError
from dataflows.history.kinds import KINDS
from dataflows.history.reader import History
from dataflows.history.store import open_store
from dataflows.history.writer import KindWriter
from tests.support.needs import need_package
from tests.support.paths import REPOSITORY
from tests.support.s3_server import BUCKET, environment_of, s3_server
from tests.support.stored_history import batch, event, maintain_all, store

need_package("deltalake")
need_package("moto")
need_package("flask")  # of moto[server]


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with s3_server(tmp_path_factory.mktemp("s3") / "s3.log") as endpoint:
        yield endpoint


@pytest.fixture(autouse=True)
def credentials(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in environment_of(endpoint).items():
        monkeypatch.setenv(name, value)


def ids(url: str) -> list[str]:
    return sorted(History(url).rows("events")["event_id"].to_pylist())


def test_rows_are_kept_merged_asked_for_and_deleted_in_a_bucket() -> None:
    url = f"s3://{BUCKET}/all"
    assert not open_store(url).exists()
    for number in (1, 2, 500):
        store(url, "events", [event(number), event(1)])
    assert ids(url) == ["V1/350", "V2/175000", "V2/700"]
    assert maintain_all(url)
    assert ids(url) == ["V1/350", "V2/175000", "V2/700"]
    assert open_store(url).delete_vehicle("V2").rows == {"events": 2}
    asked = subprocess.run(
        [sys.executable, "-m", "dataflows.history", "--directory", url, "--csv",
         "SELECT event_id FROM events"],
        cwd=REPOSITORY, capture_output=True, text=True,
    )  # fmt: skip
    assert (asked.returncode, asked.stdout.split(), asked.stderr) == (0, ["event_id", "V1/350"], "")


WRITER = """
import sys
from tests.support.stored_history import event, store
url, first = sys.argv[1], int(sys.argv[2])
for number in range(first, first + 8):
    store(url, "events", [event(number)])
"""


def test_processes_that_append_at_once_lose_nothing() -> None:
    """Each commit is put under a name that must not be there yet: the server refuses the second one."""
    url = f"s3://{BUCKET}/many"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, url, str(first)], cwd=REPOSITORY)
        for first in (0, 100, 200)
    ]
    assert [writer.wait(100) for writer in writers] == [0, 0, 0]
    numbers = [number for first in (0, 100, 200) for number in range(first, first + 8)]
    assert ids(url) == sorted(f"V{number % 3}/{number * 350}" for number in numbers)


def test_what_goes_wrong_is_one_line_without_credentials(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("dataflows.history.storage.PATIENCE", {"retry_timeout": "1s", "max_retries": "1"})
    errors = []
    url = f"s3://{BUCKET}/broken"
    writer = KindWriter(url, KINDS["events"])
    writer.write(batch([event(1)]))
    for endpoint_url, directory in ((endpoint, "s3://no-such-bucket/x"), ("http://127.0.0.1:9", url)):
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint_url)
        for attempt in (lambda: store(directory, "events", [event(1)]), lambda: ids(directory)):  # noqa: B023
            with pytest.raises(HistoryError) as raised:
                attempt()
            errors.append(str(raised.value))
    assert "NoSuchBucket" in errors[0]
    assert "NoSuchBucket" in errors[1]
    assert errors[0].startswith("the history cannot be read: s3://no-such-bucket/x: ")
    with pytest.raises(HistoryError, match=f"^the history cannot be written: {url}: .*nothing is lost"):
        writer.flush()
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    writer.flush()  # what was not stored still waits
    assert ids(url) == ["V1/350"]
    said = capfd.readouterr()
    for line in (*errors, said.out, said.err):
        assert "test-secret" not in line
        assert "test-key" not in line
    assert not any("\n" in error or len(error) > 600 for error in errors)
