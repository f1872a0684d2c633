"""How ``make install`` chooses a Python: with fake interpreters on the PATH, and nothing is downloaded."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import REPOSITORY

TOOLS = (
    "awk",
    "chmod",
    "cp",
    "dirname",
    "env",
    "grep",
    "head",
    "make",
    "mkdir",
    "mktemp",
    "rm",
    "sh",
    "touch",
)

LOCK = """\
altair==6.0 \\
    --hash=sha256:aa
    # via fleet-telemetry (pyproject.toml)
uv==0.8 \\
    --hash=sha256:bb \\
    --hash=sha256:cc
    # via fleet-telemetry (pyproject.toml)
uvicorn==1.0 \\
    --hash=sha256:dd
    # via streamlit
"""

PYTHON = """\
#!/bin/sh
echo "${{0##*/}} $*" >> "{world}/calls"
case "$*" in
    *version_info*) echo {version} ;;
    *ensurepip*) exit {without_venv} ;;
    "-m venv "*)
        for directory; do :; done
        mkdir -p "$directory/bin"
        cp "$0" "$directory/bin/python" ;;
    "-m pip install "*)
        for file; do :; done
        cp "$file" "{world}/pip-requirements"
        cp "{world}/uv" "$(dirname "$0")/uv" ;;
esac
"""

UV = """\
#!/bin/sh
echo "uv $*" >> "{world}/calls"
case "$*" in
    "venv "*)
        if [ -e "{world}/offline" ]; then
            echo "error: Request failed" >&2
            echo "  Caused by: no route to host" >&2
            exit 2
        fi
        for directory; do :; done
        mkdir -p "$directory/bin"
        echo 'exit 0' > "$directory/bin/python" ;;
    *"--requirement /"*) cp "$0" .venv/bin/uv ;;
esac
"""


class World:
    """A checkout, and a machine that has only what a test puts on its PATH."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._path = directory / "path"
        self._path.mkdir()
        for tool in TOOLS:
            if found := shutil.which(tool):
                (self._path / tool).symlink_to(found)
        (directory / "requirements.lock").write_text(LOCK)
        (directory / "pyproject.toml").touch()
        (directory / "scripts").mkdir()
        shutil.copy(REPOSITORY / "scripts" / "install.sh", directory / "scripts")
        shutil.copy(REPOSITORY / "Makefile", directory)
        self._write(directory / "uv", UV)

    def add_python(self, name: str, version: str, *, venv: bool = True) -> None:
        """An interpreter on the PATH, with or without the modules that create environments."""
        self._write(self._path / name, PYTHON, version=version, without_venv=int(not venv))

    def add_broken_shim(self, name: str) -> None:
        """What pyenv leaves on the PATH for a version that is not selected."""
        self._write(self._path / name, "#!/bin/sh\necho 'pyenv: command not found' >&2\nexit 127\n")

    def add_uv(self) -> None:
        """A uv on the PATH."""
        shutil.copy(self.directory / "uv", self._path)

    def go_offline(self) -> None:
        """Let uv find no Python to download."""
        (self.directory / "offline").touch()

    def run(self, *command: str, python: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command in the checkout, ``sh scripts/install.sh .venv`` unless given."""
        environment = {"PATH": str(self._path), "HOME": str(self.directory)}
        return subprocess.run(
            command or ("sh", "scripts/install.sh", ".venv"),
            cwd=self.directory,
            env=environment | ({"PYTHON": python} if python is not None else {}),
            executable=shutil.which((command or ("sh",))[0]),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def calls(self) -> list[str]:
        """The command lines of the fakes, without those that only ask an interpreter something."""
        file = self.directory / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line for line in lines if " -c " not in line and line != "uv --version"]

    def _write(self, file: Path, text: str, **values: Any) -> None:
        file.write_text(text.format(world=self.directory, **values) if values or text == UV else text)
        file.chmod(0o755)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.mark.parametrize(
    ("versions", "chosen"),
    [
        ({"python3": "3.11.2"}, "python3 (3.11.2)"),
        ({"python3": "3.12.1", "python3.11": "3.11.7"}, "python3 (3.12.1)"),
        ({"python3": "3.13.0", "python3.11": "3.11.7", "python3.12": "3.12.1"}, "python3.12 (3.12.1)"),
        ({"python3": "3.10.13", "python3.11": "3.11.7"}, "python3.11 (3.11.7)"),
        ({"python3": "3.9.18", "python3.12": "broken", "python3.11": "3.11.7"}, "python3.11 (3.11.7)"),
        ({"python3": "broken", "python3.12": "3.12.1"}, "python3.12 (3.12.1)"),
        ({"python3.12": "3.12.1"}, "python3.12 (3.12.1)"),
    ],
)
def test_the_first_interpreter_that_runs_and_is_supported_is_used(
    versions: dict[str, str], chosen: str, world: World
) -> None:
    for name, version in versions.items():
        if version == "broken":
            world.add_broken_shim(name)
        else:
            world.add_python(name, version)
    done = world.run()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"creating .venv with {chosen}\n"
    assert world.calls[0] == f"{chosen.split()[0]} -m venv --clear .venv"


def test_pip_installs_only_uv_and_uv_only_what_the_programs_need_both_with_hashes(world: World) -> None:
    world.add_python("python3", "3.11.2")
    assert world.run().returncode == 0
    creation, pip, packages = world.calls
    assert creation == "python3 -m venv --clear .venv"
    assert "--require-hashes" in pip
    uv, *hashes = (world.directory / "pip-requirements").read_text().splitlines()[:3]
    assert uv == "uv==0.8 \\"
    assert [line.strip(" \\") for line in hashes] == ["--hash=sha256:bb", "--hash=sha256:cc"]
    assert "altair" not in (world.directory / "pip-requirements").read_text()
    assert "uvicorn" not in (world.directory / "pip-requirements").read_text()
    assert packages.startswith("uv pip install ")
    assert packages.endswith(
        "--require-hashes --requirement pyproject.toml --extra all --constraint requirements.lock"
    )


def test_an_interpreter_that_python_names_is_the_only_candidate(world: World) -> None:
    world.add_python("python3", "3.11.2")
    world.add_python("mine", "3.12.1")
    assert world.run(python="mine").stdout == "creating .venv with mine (3.12.1)\n"


@pytest.mark.parametrize(
    ("version", "what"), [("3.13.0", "is 3.13.0"), ("3.6.15", "is 3.6.15"), (None, "does not run")]
)
def test_an_interpreter_that_python_names_must_be_supported(
    version: str | None, what: str, world: World
) -> None:
    world.add_python("python3", "3.11.2")
    world.add_uv()
    if version is not None:
        world.add_python("mine", version)
    done = world.run(python="mine")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "install: expected PYTHON to name Python 3.11 or 3.12 (Bytewax has no wheels for others), "
        f"got mine, which {what}\n"
    )
    assert world.calls == []


def test_without_a_supported_interpreter_uv_from_pypi_brings_one(world: World) -> None:
    world.add_python("python3", "3.13.0")
    done = world.run()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "creating .venv with Python 3.12 from uv (found: python3 3.13.0)\n"
    bootstrap, pip, creation, own_uv, packages = world.calls
    assert bootstrap.startswith("python3 -m venv ")
    assert not bootstrap.endswith(" .venv")
    assert "--require-hashes" in pip
    assert creation == "uv venv --quiet --clear --python 3.12 .venv"
    assert "--require-hashes" in own_uv
    assert packages.endswith(
        "--require-hashes --requirement pyproject.toml --extra all --constraint requirements.lock"
    )


def test_a_uv_on_the_path_is_enough(world: World) -> None:
    world.add_uv()
    done = world.run()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "creating .venv with Python 3.12 from uv (found: none)\n"


def test_where_no_python_can_be_downloaded_one_line_says_what_to_install(world: World) -> None:
    world.add_python("python3", "3.13.0")
    world.go_offline()
    done = world.run()
    assert done.returncode == 1
    assert done.stderr == (
        "install: expected Python 3.11 or 3.12 (Bytewax has no wheels for others), found python3 3.13.0, and "
        "uv cannot download it (error: Request failed); install one (apt-get install python3.12-venv, "
        "brew install python@3.12) or name it: make PYTHON=/path/to/python3.12 install\n"
    )


@pytest.mark.parametrize("version", ["3.13.0", None])
def test_where_uv_cannot_be_installed_either_one_line_says_what_to_install(
    version: str | None, world: World
) -> None:
    if version is not None:
        world.add_python("python3", version, venv=False)
    done = world.run()
    assert (done.returncode, done.stdout) == (1, "")
    found = "none" if version is None else f"python3 {version}"
    assert done.stderr == (
        f"install: expected Python 3.11 or 3.12 (Bytewax has no wheels for others), found {found}, and uv, "
        "which could download it, cannot be installed; install one (apt-get install python3.12-venv, "
        "brew install python@3.12) or name it: make PYTHON=/path/to/python3.12 install\n"
    )


def test_an_interpreter_without_the_module_venv_needs_uv_or_a_package(world: World) -> None:
    world.add_python("python3", "3.11.2", venv=False)
    done = world.run()
    assert done.returncode == 1
    assert done.stderr == (
        "install: expected python3 to have the modules venv and ensurepip, it has not; install them "
        "(apt-get install python3.11-venv) or name another Python: make PYTHON=python3.12 install\n"
    )
    world.add_uv()
    assert world.run().returncode == 0
    assert world.calls[0] == "uv venv --quiet --clear --python python3 .venv"


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_install_says_what_to_type_next_and_installs_only_once(world: World) -> None:
    world.add_python("python3", "3.11.2")
    done = world.run("make", "install")
    assert done.stderr == ""
    assert done.stdout == "creating .venv with python3 (3.11.2)\nnext: source .venv/bin/activate\n"
    calls = world.calls
    assert not any("--extra dev" in call for call in calls)
    assert world.run("make", "install").stdout == "next: source .venv/bin/activate\n"
    assert world.calls == calls


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_adds_the_development_tools_for_the_targets_that_need_them(world: World) -> None:
    world.add_python("python3", "3.11.2")
    assert world.run("make", "install").returncode == 0
    assert world.run("make", "PYTHON=nowhere", "test").returncode == 0
    *_, tools, pytest_call = world.calls
    assert tools.startswith("uv pip install ")
    assert "--extra dev" in tools
    assert "--require-hashes" in tools
    assert pytest_call == "python -m pytest"


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_without_a_target_lists_every_target_with_a_description(world: World) -> None:
    listed = [line.split()[1] for line in world.run("make").stdout.splitlines()]
    phony = (REPOSITORY / "Makefile").read_text().split(".PHONY:")[1].split("\n\n")[0]
    assert sorted(listed) == sorted(phony.replace("\\", "").split())
