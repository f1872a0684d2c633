"""README and docs: their links, paths, settings, tables and layout agree with the project."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import msgspec
import pytest

from config.settings import load
from dataflows.events import Enriched
from tests.support.documents import (
    DOCUMENTS,
    LANGUAGES,
    anchors,
    commands,
    fences,
    inline_code,
    links,
    missing_options,
    toml,
)
from tests.support.paths import REPOSITORY

README = REPOSITORY / "README.md"
DOCS = REPOSITORY / "docs"
HISTORY = REPOSITORY / "CHANGELOG.md"
"""It may name what is no longer there."""

PRESENT = [document for document in DOCUMENTS if document != HISTORY]
WITH_SETTINGS = [document for document in DOCUMENTS if toml(document)]
PATH = re.compile(r"(?:config|dataflows|sim|ui|scripts|benchmarks|tests|docs)/[\w./-]*")
README_WORDS = 1_000


def name(document: Path) -> str:
    return document.relative_to(REPOSITORY).as_posix()


def test_the_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").split()) <= README_WORDS


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_fenced_block_has_a_known_language(document: Path) -> None:
    assert {fence.language for fence in fences(document)} <= LANGUAGES


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_link_leads_somewhere(document: Path) -> None:
    for link in links(document):
        file, _, anchor = link.partition("#")
        target = document if not file else (document.parent / file).resolve()
        assert target.exists(), f"{name(document)} links to {link}"
        assert not anchor or anchor in anchors(target), f"{name(document)} links to {link}"


@pytest.mark.parametrize("document", PRESENT, ids=name)
def test_every_path_that_is_named_exists(document: Path) -> None:
    for code in inline_code(document):
        if PATH.fullmatch(code) and code != "config/mine.toml":
            assert (REPOSITORY / code).exists(), f"{name(document)} names {code}"


@pytest.mark.parametrize("document", PRESENT, ids=name)
def test_every_module_that_is_named_exists(document: Path) -> None:
    """``dataflows.fleet`` and the like; what follows a module may be a name in it."""
    for code in inline_code(document):
        if re.fullmatch(r"(dataflows|scripts|benchmarks)(\.\w+)+", code):
            parent = code.rpartition(".")[0]
            found = importlib.util.find_spec(parent)
            assert found is not None, f"{name(document)} names {code}"
            assert importlib.util.find_spec(code) or hasattr(
                importlib.import_module(parent), code.rsplit(".")[-1]
            )


@pytest.mark.parametrize("document", PRESENT, ids=name)
def test_every_command_in_the_text_names_a_target_or_module_and_its_options(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.M))
    for code in inline_code(document):
        if found := re.fullmatch(r"(?:[A-Z_]+=\S+ )*make (?:[A-Z_]+=\S+ )*([a-z-]+)", code):
            assert found[1] in targets, f"{name(document)} names `{code}`"
        elif found := re.match(
            r"(?:\.venv/bin/)?python -m ((?:sim|dataflows|benchmarks|scripts)[\w.]*)", code
        ):
            assert missing_options(found[1], code) == [], f"{name(document)} names `{code}`"


@pytest.mark.parametrize("document", WITH_SETTINGS, ids=name)
def test_settings_in_a_document_are_valid(document: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(toml(document), encoding="utf-8")
    assert load(file) != load()


def test_the_readme_shows_how_to_activate_the_environment_before_it_uses_it() -> None:
    texts = [command.text for command in commands(README)]
    first = next(number for number, text in enumerate(texts) if "python -m" in text)
    assert "source .venv/bin/activate" in texts[:first]


def test_the_faults_of_the_readme_are_rows_of_the_whole_table() -> None:
    def rows(document: Path) -> list[list[str]]:
        lines = document.read_text(encoding="utf-8").splitlines()
        start = next(number for number, line in enumerate(lines) if line.startswith("| fault | events"))
        table = []
        for line in lines[start + 2 :]:
            if not line.startswith("|"):
                break
            table.append([cell.strip() for cell in line.strip("|").split("|")])
        return table

    few, all_of_them = rows(README), rows(DOCS / "delivery.md")
    assert len(few) == 5
    assert len(all_of_them) > 25
    assert all(row in [whole[: len(row)] for whole in all_of_them] for row in few)


def test_every_field_of_an_enriched_event_is_described() -> None:
    text = (DOCS / "configuration.md").read_text(encoding="utf-8")
    table = text[text.index("| field | meaning |") :]
    described = re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (`[^|]+) \|", table, re.M)))
    assert {field.name for field in msgspec.structs.fields(Enriched)} <= set(described)


def layout() -> list[str]:
    """The paths in the tree of docs/architecture.md; two spaces are one level."""
    (tree,) = [fence.text for fence in fences(DOCS / "architecture.md") if fence.language == "text"]
    above: list[str] = []
    paths = []
    for line in tree.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        above[depth:] = [line.split()[0]]
        paths.append("".join(above))
    return paths


def test_every_entry_of_the_layout_exists() -> None:
    assert [path for path in layout() if not (REPOSITORY / path).exists()] == []


def test_the_layout_names_every_package_and_module_of_the_dataflow() -> None:
    entries = [path for path in (REPOSITORY / "dataflows").iterdir() if not path.name.startswith("__")]
    named = {path.rstrip("/") for path in layout()}
    assert {f"dataflows/{path.name}" for path in entries} <= named
