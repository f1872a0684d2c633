"""Imports run one way, as the README's picture of the house says."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from config.settings import DEFAULT_FILE

REPOSITORY = DEFAULT_FILE.parents[1]
OURS = ("config", "dataflows", "sim", "ui", "scripts", "tests")

ALLOWED = {
    "config": {"config"},
    "dataflows/detector": {"config", "dataflows.detector"},
    "dataflows/connectors": {"config", "dataflows.connectors", "dataflows.recordings"},
    "dataflows/recordings": {
        "config",
        "dataflows.events",
        "dataflows.connectors.messages",
        "dataflows.recordings",
    },
    "dataflows": {"config", "dataflows"},
    "sim": {
        "config",
        "sim",
        "dataflows.events",
        "dataflows.recordings",
        "dataflows.connectors.messages",
        # Neither knows Bytewax.
        "dataflows.connectors.kafka_producer",
        "dataflows.connectors.kafka_topics",
    },
    "ui": {"config", "ui", "dataflows.events"},
}

FORBIDDEN_LIBRARIES = {
    "dataflows/detector": {"bytewax", "paho", "pyarrow", "pathlib", "socket"},
    "dataflows/recordings": {"bytewax", "paho", "kafka", "confluent_kafka"},
    "sim": {"bytewax", "streamlit"},
    "ui": {"bytewax", "confluent_kafka"},
}


def imports(file: Path) -> set[str]:
    """Full names of all modules that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def within(module: str, packages: set[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_what_stands_before_it(package: str) -> None:
    directory = REPOSITORY / package
    files = list(directory.glob("*.py") if package == "dataflows" else directory.rglob("*.py"))
    assert files
    for file in files:
        for module in imports(file):
            if module.split(".")[0] in OURS:
                assert within(module, ALLOWED[package]), f"{file.relative_to(REPOSITORY)} imports {module}"


@pytest.mark.parametrize("package", FORBIDDEN_LIBRARIES)
def test_a_package_knows_nothing_of_what_is_not_its_concern(package: str) -> None:
    for file in (REPOSITORY / package).rglob("*.py"):
        for module in imports(file):
            assert not within(module, FORBIDDEN_LIBRARIES[package]), f"{file.name} imports {module}"


def knows_bytewax(module: str) -> bool:
    return any(within(found, {"bytewax"}) for found in imports(REPOSITORY / "dataflows" / f"{module}.py"))


@pytest.mark.parametrize("module", ["decode", "events", "dead_letters", "episodes", "shard"])
def test_what_is_computed_per_event_can_be_used_without_the_engine(module: str) -> None:
    assert knows_bytewax("score")
    assert not knows_bytewax(module)


@pytest.mark.parametrize("module", ["kafka_producer", "kafka_topics", "messages"])
def test_what_the_simulator_shares_with_the_connectors_can_be_used_without_the_engine(module: str) -> None:
    assert not knows_bytewax(f"connectors/{module}")


def test_no_file_holds_two_concepts() -> None:
    files = [file for package in OURS for file in (REPOSITORY / package).rglob("*.py")]
    lengths = {str(file): len(file.read_text(encoding="utf-8").splitlines()) for file in files}
    assert {file: length for file, length in lengths.items() if length > 400} == {}
