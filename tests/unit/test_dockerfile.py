"""The Dockerfile: what it installs, copies and runs, and as which user."""

from __future__ import annotations

import re
import tomllib

import pytest
import yaml  # type: ignore[import-untyped]

from tests.support.containers import (
    OURS,
    SERVICES,
    copied,
    final_stage,
    instructions,
    native,
    option,
    settings_of,
    words,
)
from tests.support.paths import REPOSITORY


def test_the_image_runs_the_dataflow_by_default() -> None:
    (command,) = [value for name, value in final_stage() if name == "CMD"]

    assert yaml.safe_load(command) == native()["dataflow"]
    assert not [value for name, value in final_stage() if name == "ENTRYPOINT"]


def test_the_image_has_the_directories_that_programs_write_to_and_its_user_owns_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (user,) = [value for name, value in final_stage() if name == "USER"]
    uid, _, gid = user.partition(":")
    (made,) = re.findall(
        rf"install --directory --owner {uid} --group {gid} [^&]*",
        " ".join(value for name, value in final_stage() if name == "RUN"),
    )
    variables = " ".join(value for name, value in final_stage() if name == "ENV")
    needed = {
        option(words("dataflow-mqtt"), "-r"),
        str(settings_of("recorder-mqtt", monkeypatch).history.directory),
        *re.findall(r"(?:HOME|NUMBA_CACHE_DIR)=(\S+)", variables),
    }

    assert needed <= set(made.split())


def test_everything_copied_into_the_image_exists_and_is_in_the_build_context() -> None:
    ignored = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").split()

    assert "*" in ignored
    for source in copied():
        assert (REPOSITORY / source).exists()
        assert f"!{source}" in ignored


def test_the_image_installs_only_packages_with_hashes_from_the_lock() -> None:
    lock = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")
    installs = re.findall(
        r"pip install [^&]*", " ".join(value for name, value in instructions() if name == "RUN")
    )

    assert len(installs) == 2
    assert all("--require-hashes" in install for install in installs)
    assert "--requirements pyproject.toml --constraints requirements.lock" in installs[1]
    assert re.search(r"^uv==\S+ \\$", lock, re.MULTILINE), "the first install takes uv from the lock"


def test_every_package_is_copied_into_the_image() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))

    packages = project["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {package.rstrip("*") for package in packages} <= set(copied())


def test_images_are_pinned_to_a_patch_version() -> None:
    bases = [value.split()[0] for name, value in instructions() if name == "FROM"]

    assert len(set(bases)) == 1
    for image in [*bases, *(service["image"] for service in SERVICES.values())]:
        assert re.search(r":\d+\.\d+\.\d+(-[a-z-]+)?$", image)


def test_the_image_has_the_version_of_the_project_and_a_python_it_allows() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert {SERVICES[service]["image"] for service in OURS} == {f"fleet-telemetry:{project['version']}"}
    assert all(SERVICES[service]["build"] == "." for service in OURS)
    assert final_stage()[0][1].startswith("python:3.11.")
    assert project["requires-python"] == ">=3.11,<3.13"


def test_no_program_of_the_image_runs_as_root() -> None:
    (user,) = [value for name, value in final_stage() if name == "USER"]

    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert not [service for service in OURS if "user" in SERVICES[service]]
