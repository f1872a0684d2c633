"""What the tests of the page share."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _main_module_stays() -> Iterator[None]:
    # AppTest puts its script in the place of this module, and processes that are spawned later would run it.
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main
