"""Imports run one way, in the order of `LAYERS`."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.support.paths import REPOSITORY

OURS = ("config", "dataflows", "sim", "ui", "scripts", "benchmarks", "tests")

WIRE = ["dataflows.clock", "dataflows.events", "dataflows.messages"]

LAYERS: list[tuple[str, list[str]]] = [
    ("config", []),
    ("dataflows.clock", []),
    ("dataflows.events", []),
    ("dataflows.messages", []),
    ("dataflows.metrics", []),
    ("dataflows.compiled", []),
    ("dataflows.stored_state", ["config"]),
    ("dataflows.recordings", ["config", *WIRE]),
    ("dataflows.connectors", ["config", *WIRE, "dataflows.stored_state", "dataflows.recordings"]),
    ("dataflows.job", ["config", *WIRE, "dataflows.stored_state"]),
    ("dataflows.detector", ["config", "dataflows.clock", "dataflows.compiled"]),
    ("dataflows.decode", ["config", *WIRE, "dataflows.metrics"]),
    (
        "dataflows.score",
        [
            "config",
            *WIRE,
            "dataflows.stored_state",
            "dataflows.metrics",
            "dataflows.compiled",
            "dataflows.detector",
            "dataflows.decode",
        ],
    ),
    ("dataflows.encode", ["config", *WIRE, "dataflows.compiled", "dataflows.detector", "dataflows.score"]),
    ("dataflows.river_detector", ["dataflows.score.river.estimator"]),
    ("dataflows.backtest", ["config", "dataflows"]),
    ("dataflows.record", ["config", "dataflows.messages", "dataflows.connectors", "dataflows.job"]),
    ("dataflows.fleet", ["config", "dataflows"]),
    (
        "sim",
        [
            "config",
            *WIRE,
            "dataflows.recordings",
            # Publish without an engine.
            "dataflows.connectors.kafka.producer",
            "dataflows.connectors.kafka.topics",
            "dataflows.connectors.mqtt.publisher",
        ],
    ),
    ("ui", ["config", *WIRE]),
    ("scripts", ["config", "dataflows", "sim"]),
    ("benchmarks", ["config", "dataflows", "sim", "scripts"]),
    ("tests", ["config", "dataflows", "sim", "ui", "scripts", "benchmarks"]),
]
"""Each package or module, and what it may import besides itself: only what stands above it."""

FORBIDDEN_LIBRARIES = {
    "dataflows": {"kafka"},
    "dataflows/detector": {"bytewax", "paho", "pyarrow", "pathlib", "socket"},
    "dataflows/decode": {"bytewax", "paho", "kafka", "confluent_kafka"},
    "dataflows/encode": {"bytewax", "paho", "kafka", "confluent_kafka"},
    "dataflows/backtest": {"bytewax", "paho", "kafka", "confluent_kafka"},
    "dataflows/recordings": {"bytewax", "paho", "kafka", "confluent_kafka"},
    "sim": {"bytewax", "kafka", "streamlit"},
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


def files_of(package: str) -> list[Path]:
    path = REPOSITORY / package.replace(".", "/")
    return sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]


@pytest.mark.parametrize(("package", "allowed"), LAYERS, ids=[package for package, _ in LAYERS])
def test_a_package_imports_only_what_stands_above_it(package: str, allowed: list[str]) -> None:
    files = files_of(package)
    assert files
    for file in files:
        for module in imports(file):
            if module.split(".")[0] in OURS and module != "dataflows":
                assert within(module, {package, *allowed}), f"{file.relative_to(REPOSITORY)} imports {module}"


def test_every_module_has_a_layer() -> None:
    listed = {file for package, _ in LAYERS for file in files_of(package)}
    existing = {file for package in OURS for file in (REPOSITORY / package).rglob("*.py")}
    assert {str(file.relative_to(REPOSITORY)) for file in existing - listed} <= {"dataflows/__init__.py"}


@pytest.mark.parametrize("package", FORBIDDEN_LIBRARIES)
def test_a_package_knows_nothing_of_what_is_not_its_concern(package: str) -> None:
    for file in (REPOSITORY / package).rglob("*.py"):
        for module in imports(file):
            assert not within(module, FORBIDDEN_LIBRARIES[package]), f"{file.name} imports {module}"


@pytest.mark.parametrize(
    "module", ["scorer.py", "shard.py", "drift.py", "models.py", "river/adapter.py", "river/estimator.py"]
)
def test_scoring_can_be_used_without_the_engine(module: str) -> None:
    assert within("bytewax.operators", imports(REPOSITORY / "dataflows/score/step.py"))
    assert not any(within(found, {"bytewax"}) for found in imports(REPOSITORY / "dataflows/score" / module))


@pytest.mark.parametrize("module", ["kafka/producer", "kafka/topics", "mqtt/publisher", "mqtt/session"])
def test_what_the_simulator_shares_with_the_connectors_can_be_used_without_the_engine(module: str) -> None:
    found = imports(REPOSITORY / "dataflows/connectors" / f"{module}.py")
    assert not any(within(name, {"bytewax"}) for name in found)


def test_no_file_holds_two_concepts() -> None:
    files = [file for package in OURS for file in (REPOSITORY / package).rglob("*.py")]
    lengths = {str(file): len(file.read_text(encoding="utf-8").splitlines()) for file in files}
    assert {file: length for file, length in lengths.items() if length > 400} == {}
