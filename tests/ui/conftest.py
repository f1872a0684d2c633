"""What the tests of the page share."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from scripts.browser import running_chromium
from tests.support.needs import need


@pytest.fixture(autouse=True)
def _main_module_stays() -> Iterator[None]:
    # AppTest puts its script in the place of this module, and processes that are spawned later would run it.
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium for the tests of a file."""
    need("chromium")
    with running_chromium() as running:
        yield running
