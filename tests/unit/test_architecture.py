"""Imports run one way, in the order of `LAYERS`."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
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
    ("dataflows.state_size", ["dataflows.metrics", "dataflows.stored_state"]),
    ("dataflows.health", ["dataflows.metrics"]),
    ("dataflows.recordings", ["config", *WIRE]),
    (
        "dataflows.connectors",
        [
            "config",
            *WIRE,
            "dataflows.metrics",
            "dataflows.stored_state",
            "dataflows.health",
            "dataflows.recordings",
        ],
    ),
    (
        "dataflows.job",
        ["config", *WIRE, "dataflows.metrics", "dataflows.stored_state", "dataflows.health"],
    ),
    ("dataflows.detector", ["config.errors", "dataflows.clock", "dataflows.compiled"]),
    ("dataflows.decode", ["config", *WIRE, "dataflows.metrics", "dataflows.compiled"]),
    (
        "dataflows.score",
        [
            "config",
            *WIRE,
            "dataflows.stored_state",
            "dataflows.metrics",
            "dataflows.state_size",
            "dataflows.compiled",
            "dataflows.detector",
            "dataflows.decode",
        ],
    ),
    (
        "dataflows.alert",
        [
            "config",
            *WIRE,
            "dataflows.stored_state",
            "dataflows.metrics",
            "dataflows.state_size",
            "dataflows.compiled",
            "dataflows.detector",
            "dataflows.decode",
            "dataflows.score",
        ],
    ),
    ("dataflows.encode", ["config", *WIRE, "dataflows.compiled", "dataflows.detector", "dataflows.score"]),
    (
        "dataflows.rollup",
        [
            "config",
            *WIRE,
            "dataflows.stored_state",
            "dataflows.metrics",
            "dataflows.state_size",
            "dataflows.compiled",
            "dataflows.detector",
            "dataflows.score",
            "dataflows.encode",
            # A vehicle that has stopped sending is the same for both.
            "dataflows.alert.silence",
        ],
    ),
    (
        "dataflows.notification",
        ["config", *WIRE, "dataflows.stored_state", "dataflows.metrics"],
    ),
    ("dataflows.river_detector", ["dataflows.score.river.estimator"]),
    ("dataflows.backtest", ["config", "dataflows"]),
    ("dataflows.describe", ["config", "dataflows"]),
    ("dataflows.history", ["config", *WIRE, "dataflows.stored_state", "dataflows.metrics"]),
    ("dataflows.report", ["config", "dataflows.clock", "dataflows.compiled", "dataflows.history"]),
    (
        "dataflows.record",
        [
            "config",
            "dataflows.messages",
            "dataflows.connectors",
            "dataflows.job",
            "dataflows.history",
        ],
    ),
    (
        "dataflows.notify",
        [
            "config",
            "dataflows.messages",
            "dataflows.connectors",
            "dataflows.job",
            "dataflows.notification",
        ],
    ),
    ("dataflows.fleet", ["config", "dataflows"]),
    ("dataflows.programs", ["dataflows.fleet", "dataflows.record", "dataflows.notify"]),
    (
        "sim",
        [
            "config",
            *WIRE,
            "dataflows.recordings",
            # Publish, and read commands, without an engine.
            "dataflows.connectors.kafka.client",
            "dataflows.connectors.kafka.log",
            "dataflows.connectors.kafka.producer",
            "dataflows.connectors.kafka.topics",
            "dataflows.connectors.mqtt.publisher",
        ],
    ),
    # Reads the history, and draws what a report draws.
    (
        "ui",
        [
            "config",
            *WIRE,
            "dataflows.compiled",
            "dataflows.recordings",
            "dataflows.history",
            "dataflows.report",
        ],
    ),
    ("scripts", ["config", "dataflows", "sim"]),
    ("benchmarks", ["config", "dataflows", "sim", "scripts"]),
    ("tests", ["config", "dataflows", "sim", "ui", "scripts", "benchmarks"]),
]
"""Each package or module, and what it may import besides itself: only what stands above it."""

FORBIDDEN_LIBRARIES = {
    "dataflows": {"kafka"},
    "dataflows/detector": {"bytewax", "paho", "pyarrow", "pathlib", "pydantic", "river", "socket"},
    "dataflows/decode": {"bytewax", "paho", "kafka", "confluent_kafka"},
    "dataflows/backtest": {"bytewax", "paho", "kafka", "confluent_kafka"},
    "dataflows/describe": {"bytewax", "paho", "kafka", "confluent_kafka"},
    "dataflows/recordings": {"bytewax", "paho", "kafka", "confluent_kafka"},
    "dataflows/alert": {"paho", "kafka", "confluent_kafka", "pyarrow", "pathlib", "socket"},
    "dataflows/notification": {"paho", "kafka", "confluent_kafka"},
    "dataflows/history": {"paho", "kafka", "confluent_kafka"},
    "sim": {"bytewax", "kafka", "streamlit"},
    "ui": {"bytewax", "confluent_kafka"},
}


ENGINE = {
    "dataflows/connectors",
    "dataflows/job",
    "dataflows/score/step.py",
    "dataflows/alert/step.py",
    "dataflows/alert/fleet_silence.py",
    "dataflows/rollup/step.py",
    "dataflows/rollup/windows.py",
    "dataflows/notification/step.py",
    "dataflows/history/step.py",
    "dataflows/fleet.py",
    "dataflows/record.py",
    "dataflows/notify.py",
}
"""What of the dataflow is written for Bytewax; all else can be used without it."""


@cache
def imports(file: Path) -> frozenset[str]:
    """Full names of all modules that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            submodules = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {node.module} | {module for module in submodules if file_of(module) is not None}
    return frozenset(found)


def file_of(module: str) -> Path | None:
    """The file of a module or package of this repository; ``None`` for anything else."""
    path = REPOSITORY / module.replace(".", "/")
    candidates = (path / "__init__.py", path.with_suffix(".py"))
    return next((file for file in candidates if file.is_file()), None)


def reached(file: Path) -> set[str]:
    """Full names of all modules that are imported when a file is, by whichever file."""
    found: set[str] = set()
    new = set(imports(file))
    while new:
        found |= new
        # Importing a module imports the packages around it.
        parts = [module.split(".") for module in new]
        around = {".".join(names[:end]) for names in parts for end in range(1, len(names) + 1)}
        files = [path for path in map(file_of, around) if path is not None]
        new = set().union(*map(imports, files)) - found
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


def test_only_what_is_written_for_the_engine_imports_it() -> None:
    users = {
        str(file.relative_to(REPOSITORY))
        for file in (REPOSITORY / "dataflows").rglob("*.py")
        if any(within(module, {"bytewax"}) for module in imports(file))
    }
    allowed = {use for use in users if any(use == place or use.startswith(f"{place}/") for place in ENGINE)}
    assert users == allowed
    assert all(any(use.startswith(place) for use in users) for place in ENGINE)


@pytest.mark.parametrize(
    "package",
    [
        "sim",
        "ui",
        "dataflows/decode",
        "dataflows/detector",
        "dataflows/score",
        "dataflows/alert",
        "dataflows/notification",
        "dataflows/history",
    ],
)
def test_nothing_is_reached_that_needs_the_engine(package: str) -> None:
    for file in (REPOSITORY / package).rglob("*.py"):
        if str(file.relative_to(REPOSITORY)) not in ENGINE:
            assert not any(within(module, {"bytewax"}) for module in reached(file)), file.name


def test_the_job_starts_without_large_libraries_that_it_does_not_use() -> None:
    """They are what most of the time to start would be spent on."""
    program = "import sys, dataflows.fleet; print(*{'pandas', 'scipy.stats', 'sklearn'} & sys.modules.keys())"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == []


def test_no_file_holds_two_concepts() -> None:
    files = [file for package in OURS for file in (REPOSITORY / package).rglob("*.py")]
    lengths = {str(file): len(file.read_text(encoding="utf-8").splitlines()) for file in files}
    assert {file: length for file, length in lengths.items() if length > 400} == {}
