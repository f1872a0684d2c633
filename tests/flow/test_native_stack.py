"""``make stack``: the programs of docker-compose.yml as native processes, and their smoke test."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.needs import need
from tests.support.paths import REPOSITORY

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_the_smoke_test_passes_with_tls_users_and_a_login() -> None:
    need("mosquitto")
    need("openssl")
    done = subprocess.run(
        [sys.executable, "-m", "scripts.stack", "secure"],
        cwd=REPOSITORY,
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert "smoke: the broker refuses a client without a password\n" in done.stdout
    assert "answers after a login, and only then\n" in done.stdout
    assert "smoke: the notifier has told of the alert\n" in done.stdout
