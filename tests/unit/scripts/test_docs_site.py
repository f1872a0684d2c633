"""Links of the documentation, in the repository and in the site."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from scripts.docs_site import linked, place_of, relative, resolved

ALERTS = PurePosixPath("docs/alerts.md")


@pytest.mark.parametrize(
    ("link", "place"),
    [
        ("detector.md", "detector.md"),
        ("../README.md", "index.md"),
        ("../benchmarks/README.md", "benchmarks.md"),
        ("../config/fleet.toml", "files/config/fleet.toml.txt"),
    ],
)
def test_a_link_of_a_document_leads_to_its_place_in_the_site(link: str, place: str) -> None:
    target = resolved(ALERTS, link)
    assert target is not None
    assert place_of(target) == place


@pytest.mark.parametrize("link", ["https://example.org/x.md", "mailto:a@example.org", "../../elsewhere.md"])
def test_what_is_not_in_the_repository_is_left_alone(link: str) -> None:
    assert resolved(ALERTS, link) is None


def test_files_outside_of_the_documentation_are_taken_into_the_site() -> None:
    text = "[a](../config/fleet.toml) [b](detector.md) [c](../README.md#start) [d](https://example.org)"
    assert linked(ALERTS, text) == {"config/fleet.toml"}


def test_a_page_in_a_directory_finds_what_is_above_it() -> None:
    assert relative("files/x.txt", PurePosixPath("runbook")) == "../files/x.txt"
    assert relative("alerts.md", PurePosixPath()) == "alerts.md"
