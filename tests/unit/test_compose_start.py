"""How the services of docker-compose.yml start, and why they may not."""

from __future__ import annotations

import pytest

from tests.support.containers import SERVICES, shell_text
from tests.unit.test_compose import OF_TWO


def test_a_recovery_directory_with_too_few_parts_ends_the_job_with_a_line() -> None:
    text = shell_text(OF_TWO[0])
    assert "[ ! -e /var/lib/fleet/recovery/part-0.sqlite3 ] ||" in text
    assert "expected a recovery directory of two parts" in text


@pytest.mark.parametrize("service", SERVICES)
def test_an_interval_at_the_start_comes_with_a_period(service: str) -> None:
    # Compose refuses one without the other, and only when a service is started.
    check = SERVICES[service].get("healthcheck", {})
    assert "start_interval" not in check or "start_period" in check
