"""The page without a login: on this machine only, unless a setting says that more is meant."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from scripts.brokers.ports import free_port
from scripts.brokers.process import Broker
from scripts.waiting import DEADLINE
from tests.support.page_process import page
from tests.support.paths import REPOSITORY
from ui.login.listening import is_local

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("address", ["localhost", "127.0.0.1", "127.8.0.1", "::1", "[::1]"])
def test_an_address_that_only_this_machine_reaches_is_local(address: str) -> None:
    assert is_local(address)


@pytest.mark.parametrize(
    "address",
    [None, "", "0.0.0.0", "::", "192.0.2.1", "fleet.example", "localhost.evil.example", "127.0.0.1.evil"],
)
def test_any_other_address_is_not(address: str | None) -> None:
    assert not is_local(address)


@pytest.mark.parametrize(
    ("options", "variables", "message"),
    [
        (["--server.address", "0.0.0.0"], {}, "expected a login for a page that others can reach, got none"),
        (["--server.address", ""], {}, "server.address = 'all addresses'"),
        (["--server.address", "0.0.0.0"], {"FLEET__PAGE__REFRESH": "soon"}, "page.refresh"),
        (
            ["--server.address", "0.0.0.0"],
            {"FLEET__PAGE__LOGIN__USERS": "/nowhere/users.json"},
            "cannot read the file of users /nowhere/users.json",
        ),
    ],
)
def test_a_page_that_others_could_use_without_a_login_does_not_start(
    options: list[str], variables: dict[str, str], message: str
) -> None:
    command = [sys.executable, "-m", "streamlit", "run", "ui", "--server.port", str(free_port()), *options]
    done = subprocess.run(
        command, cwd=REPOSITORY, env=os.environ | variables, capture_output=True, text=True, check=False,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("page: ")]
    assert message in line
    assert "Traceback" not in done.stderr


def test_it_answers_under_the_names_of_this_machine_only_and_says_so(
    broker: Broker, topic: str, tmp_path: Path
) -> None:
    """Otherwise a site whose name leads to this machine could do everything that one can do here."""
    log = tmp_path / "log"
    with (
        page(broker.settings(), topic, log) as address,
        httpx.Client(base_url=address, timeout=DEADLINE) as one,
    ):
        answers = {
            host: one.get("/_stcore/host-config", headers={"Host": host}).status_code
            for host in (
                "localhost:8501",
                "127.0.0.1",
                "[::1]:8501",
                "evil.example:8501",
                "localhost.evil.example",
            )
        }
        assert list(answers.values()) == [200, 200, 200, 403, 403]
        assert one.get("/").headers["x-frame-options"] == "SAMEORIGIN"
        # There is nothing to log in to.
        assert one.get("/login").headers["location"] == "/"
    assert "no login: the page answers to this machine only" in log.read_text()


def test_it_may_be_open_if_a_setting_says_so(broker: Broker, topic: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    anywhere = {"FLEET__PAGE__OPEN": "true", "STREAMLIT_SERVER_ADDRESS": "0.0.0.0"}
    with page(broker.settings(), topic, log, None, **anywhere) as address:
        answer = httpx.get(f"{address}/", headers={"Host": "fleet.example"}, timeout=DEADLINE)
        assert answer.status_code == 200
    assert "whoever can reach the page may see and do everything" in log.read_text()
