"""The Dockerfile: what it installs, copies and runs, and as which user."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from tests.support.containers import (
    OURS,
    SERVICES,
    copied,
    image,
    instructions,
    native,
    option,
    settings_of,
    target_of,
    words,
)
from tests.support.paths import REPOSITORY

TARGETS = ("job", "page")


def test_the_last_image_is_that_of_the_job_and_runs_the_dataflow_by_default() -> None:
    *_, last = [value for name, value in instructions() if name == "FROM"]
    (command,) = [value for name, value in image("job") if name == "CMD"]

    assert last.split()[-1] == "job"
    assert yaml.safe_load(command) == native()["dataflow"]


def test_the_other_image_runs_the_page_by_default() -> None:
    (command,) = [value for name, value in image("page") if name == "CMD"]

    assert yaml.safe_load(command) == SERVICES["page-mqtt"]["command"]
    assert not [value for name, value in image("page") if name == "ENTRYPOINT"]


def test_a_program_is_in_the_image_that_has_its_packages() -> None:
    assert {service: target_of(service) for service in OURS} == {
        service: "page" if service.startswith(("page", "recorder")) else "job" for service in OURS
    }


def test_the_compiled_loops_are_those_of_any_processor_and_are_copied_to_where_numba_may_write() -> None:
    (entry,) = [value for name, value in image("job") if name == "ENTRYPOINT"]
    build = " ".join(value for name, value in image("compiled") if name == "ENV")
    run = " ".join(value for name, value in image("job") if name == "ENV")
    (compiled,) = re.findall(r"NUMBA_CACHE_DIR=(\S+)", build)
    (used,) = re.findall(r"NUMBA_CACHE_DIR=(\S+)", run)

    assert "NUMBA_CPU_NAME=generic" in build
    assert "NUMBA_CPU_NAME=generic" in run
    assert ("COPY", f"--from=compiled {compiled} {compiled}") in image("job")
    assert f"cp -Rp {compiled}" in entry
    assert all(used.startswith(f"{place}/") for place in SERVICES["dataflow-mqtt"]["tmpfs"])


def test_a_program_starts_with_the_compiled_loops_in_a_directory_of_its_own(tmp_path: Path) -> None:
    (entry,) = [value for name, value in image("job") if name == "ENTRYPOINT"]
    (tmp_path / "shipped" / "loops").mkdir(parents=True)
    script = [word.replace("/opt/compiled", str(tmp_path / "shipped")) for word in yaml.safe_load(entry)]

    for _ in range(2):
        done = subprocess.run(
            [*script, "echo", "two words", "$HOME"],
            env={"PATH": os.environ["PATH"], "NUMBA_CACHE_DIR": str(tmp_path / "own")},
            check=True,
            capture_output=True,
            text=True,
        )
        assert done.stdout == "two words $HOME\n"
        assert [each.name for each in (tmp_path / "own").iterdir()] == ["loops"]


def test_modification_times_have_no_fraction_that_an_image_would_lose() -> None:
    (touched,) = [value for name, value in image("programs") if name == "RUN"]

    assert "-exec touch --date=@1700000000 {} +" in touched
    for target in (*TARGETS, "compiled"):
        copies = [value for name, value in image(target) if name == "COPY" and value.endswith("/app .")]
        assert copies == ["--from=programs /app ."]


@pytest.mark.parametrize("target", TARGETS)
def test_the_image_has_the_directories_that_programs_write_to_and_its_user_owns_them(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (user,) = [value for name, value in image(target) if name == "USER"]
    uid, _, gid = user.partition(":")
    (made,) = re.findall(
        rf"install --directory --owner {uid} --group {gid} [^&]*",
        " ".join(value for name, value in image(target) if name == "RUN"),
    )
    variables = " ".join(value for name, value in image(target) if name == "ENV")
    users = settings_of("page-secure", monkeypatch).page.login.users
    assert users is not None
    needed = {
        option(words("dataflow-mqtt"), "-r"),
        str(settings_of("recorder-mqtt", monkeypatch).history.directory),
        str(users.parent),
        *re.findall(r"HOME=(\S+)", variables),
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
        r"pip install [^&]*", " && ".join(value for name, value in instructions() if name == "RUN")
    )

    assert len(installs) == 3
    assert all("--require-hashes" in install for install in installs)
    for install in installs[1:]:
        assert re.search("--requirements pyproject.toml .*--constraints requirements.lock", install)
    assert re.search(r"^uv==\S+ \\$", lock, re.MULTILINE), "the first install takes uv from the lock"


def test_every_package_is_copied_into_the_image() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))

    packages = project["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {package.rstrip("*") for package in packages} <= set(copied())


def test_images_are_pinned_to_a_patch_version() -> None:
    bases = [value.split()[0] for name, value in instructions() if name == "FROM" and ":" in value]

    assert len(set(bases)) == 1
    for name in [*bases, *(service["image"] for service in SERVICES.values())]:
        assert re.search(r":\d+\.\d+\.\d+(-[a-z-]+)?$", name)


def test_the_image_has_the_version_of_the_project_and_a_python_it_allows() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    names = {"job": "fleet-telemetry", "page": "fleet-telemetry-page"}
    for service in OURS:
        assert SERVICES[service]["image"] == f"{names[target_of(service)]}:{project['version']}"
        assert SERVICES[service]["build"]["context"] == "."
    assert image("program")[0][1].startswith("python:3.11.")
    assert project["requires-python"] == ">=3.11,<3.13"


def test_no_program_of_the_image_runs_as_root() -> None:
    for target in TARGETS:
        (user,) = [value for name, value in image(target) if name == "USER"]
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert not [service for service in OURS if "user" in SERVICES[service]]
