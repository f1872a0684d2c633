"""The list of licences: complete, and without any that would bind the users of this project."""

from __future__ import annotations

import re
from importlib.metadata import version

import pytest

from scripts.licences import licence_of, shipped
from tests.support.paths import REPOSITORY

BINDING = re.compile(r"(?<!L)GPL|Affero|SSPL|Business Source|Commons Clause|Proprietary", re.IGNORECASE)


def test_every_package_that_is_shipped_is_listed_with_its_licence() -> None:
    """If not: ``python -m scripts.licences > LICENCES.md``."""
    if f"\npandas=={version('pandas')} " not in (REPOSITORY / "requirements.lock").read_text(
        encoding="utf-8"
    ):
        pytest.skip("other versions than those of the lock are installed")
    listed = re.findall(
        r"^\| (\S+) \|", (REPOSITORY / "LICENCES.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert listed[1:] == shipped()
    assert [name for name in shipped() if not licence_of(name)] == []


def test_no_licence_asks_more_of_users_than_to_be_named() -> None:
    bound = {name: licence_of(name) for name in shipped() if BINDING.search(licence_of(name))}
    assert bound == {}
