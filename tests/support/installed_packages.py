"""Runs programs as if only the packages of one extra of pyproject.toml were installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.utils import canonicalize_name

from scripts.licences import shipped
from tests.support.paths import REPOSITORY

PROGRAM = """
import json, runpy, sys
from importlib.machinery import PathFinder


class Installed(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in missing else super().find_spec(name, path, target)


missing = set(json.loads(sys.argv.pop(1)))
sys.meta_path[sys.meta_path.index(PathFinder)] = Installed
sys.argv.pop(0)
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def missing_without(extra: str) -> set[str]:
    """Top-level modules of all installed packages that neither a job alone nor this extra needs.

    Args:
        extra: "" for what a job alone needs.
    """
    there = {*shipped(extra), "setuptools"}
    return {
        module
        for module, packages in packages_distributions().items()
        if not {canonicalize_name(package) for package in packages} & there
        and module not in sys.stdlib_module_names
        and not (REPOSITORY / module).exists()
    }


def run_with(
    extra: str, module: str, *arguments: str, directory: Path = REPOSITORY, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run ``python -m module`` with the packages of one extra alone.

    Args:
        extra: "" for what a job alone needs.
        module: the program.
        arguments: of the program.
        directory: that it runs in.
        variables: more of its environment.
    """
    missing = json.dumps(sorted(missing_without(extra)))
    command: Sequence[str] = [sys.executable, "-c", PROGRAM, missing, module, *arguments]
    path = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": path} | variables
    return subprocess.run(
        command, cwd=directory, env=environment, check=False, capture_output=True, text=True, timeout=200
    )
