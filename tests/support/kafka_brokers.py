"""Whether a real Kafka can be started here."""

from __future__ import annotations

import os
import shutil

import pytest

WANTED = "needs Java and Maven: apt-get install openjdk-17-jre-headless maven, or KAFKA_BOOTSTRAP=host:port"


def need_java() -> None:
    """Skip the test where no Kafka can be started; with ``CI=true`` that is a failure."""
    missing = [program for program in ("java", "mvn") if shutil.which(program) is None]
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"{' and '.join(missing)}: not installed, and in CI=true no test may be left out")
    if missing:
        pytest.skip(WANTED)
