"""docker-compose.yml in containers, and the smoke test in each profile: ``make containers``.

It needs docker or podman with their `compose`, and says so and ends well where there is none. The project is
one of its own, ``fleet-smoke``, and its containers and volumes are removed at the end.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from config.errors import FleetError, exit_on_error
from scripts.broker_users import ROLES, add_users, write_environments
from scripts.brokers.ports import free_port
from scripts.certificates import make_authority, make_server_certificate
from scripts.stack.compose import METRICS_PORT, PAGE_PORT, ROOT, is_job, services

PROJECT = "fleet-smoke"
PROFILES = ("mqtt", "secure", "kafka")
LOGIN = "smoke"
TIME_TO_START = 180
"""Seconds within which all services of a profile must be healthy."""

HAS_NO_WAY_OUT = """
routes = [line.split() for line in open("/proc/net/route")][1:]
raise SystemExit(1 if any(route[1] == "00000000" for route in routes) else 0)
"""
"""A program that succeeds where there is no default route."""


def main() -> None:
    """Build both images, then start each profile and run the smoke test in it.

    It is run once more after the job was killed; and the job must not reach anything outside of its network.

    Raises:
        SystemExit: status 1 after one line, if a profile does not start or its smoke test fails.
    """
    engine = find_engine()
    if isinstance(engine, str):
        print(f"containers: skipped: {engine}")
        return
    with exit_on_error("containers"), tempfile.TemporaryDirectory(prefix="containers-") as directory:
        broker = Path(directory)
        passwords = _secured(broker)
        variables = {
            "FLEET_BROKER": str(broker),
            "SMOKE_USERNAME": "simulator",
            "SMOKE_PASSWORD": passwords["simulator"],
            "SMOKE_LOGIN": LOGIN,
            "SMOKE_LOGIN_PASSWORD": secrets.token_urlsafe(18),
            "FLEET_PAGE_PORT": str(free_port()),
        }
        for name in PROFILES:
            compose = [*engine, "--project-name", PROJECT, "--profile", name]
            _run([*compose, "build"], variables)
            try:
                if name == "secure":
                    add = ["python", "-m", "ui.login", "add", LOGIN, "--role", "viewer"]
                    page = ["run", "--rm", "--no-deps", "-T", "page-secure"]
                    _run([*compose, *page, *add], variables, f"{variables['SMOKE_LOGIN_PASSWORD']}\n")
                start = [*compose, "up", "--detach", "--wait", "--wait-timeout", str(TIME_TO_START)]
                job = f"dataflow-{name}"
                _run(start, variables)
                _run([*compose, *smoke(name)], variables)
                _run([*compose, "exec", "-T", job, "python", "-c", HAS_NO_WAY_OUT], variables)
                _run([*compose, "kill", "--signal", "KILL", job], variables)
                _run(start, variables)
                _run([*compose, *smoke(name)], variables)
            except FleetError:
                logs = [*compose, "logs", "--no-color", "--tail", "50"]
                subprocess.run(logs, cwd=ROOT, env=os.environ | variables, check=False, stdout=sys.stderr)
                raise
            finally:
                _run([*compose, "down", "--volumes"], variables)
            print(f"containers: {name} is well, also after its job was killed", flush=True)


def find_engine() -> list[str] | str:
    """The command ``docker compose`` or ``podman compose``; or why there is none."""
    reasons = []
    for program in ("docker", "podman"):
        if shutil.which(program) is None:
            reasons.append(f"{program} is not installed")
            continue
        for asked in ([program, "info"], [program, "compose", "version"]):
            done = subprocess.run(asked, check=False, capture_output=True, text=True)
            if done.returncode != 0:
                said = (done.stderr.strip() or "no reason").splitlines()[-1]
                reasons.append(f"`{' '.join(asked)}` failed: {said}")
                break
        else:
            return [program, "compose"]
    return "; ".join(reasons)


def smoke(profile: str) -> list[str]:
    """The arguments of compose that run the smoke test in the network, and with the settings, of the page.

    Args:
        profile: a running one.
    """
    jobs = [name for name, service in services().items() if is_job(name) and profile in service["profiles"]]
    names = ("SMOKE_USERNAME", "SMOKE_PASSWORD", "SMOKE_LOGIN", "SMOKE_LOGIN_PASSWORD")
    return [
        *("run", "--rm", "--no-deps", "-T", "--volume", f"{ROOT / 'scripts'}:/app/scripts:ro"),
        *(word for name in names for word in ("--env", name)),
        *(f"page-{profile}", "python", "-m", "scripts.stack.smoke"),
        *("--page", f"http://page-{profile}:{PAGE_PORT}", "--ready"),
        *(f"http://{job}:{METRICS_PORT}/ready" for job in jobs),
    ]


def _secured(directory: Path) -> dict[str, str]:
    """Create what profile `secure` mounts; returns role → password."""
    make_authority(directory)
    make_server_certificate(directory, ["mosquitto-secure"])
    passwords = add_users(directory / "passwords", ROLES)
    write_environments(directory, passwords)
    for name in ("server.key", "passwords"):
        # mosquitto is a user that does not exist here, and these are thrown away in a minute.
        (directory / name).chmod(0o644)
    return passwords


def _run(command: Sequence[str], variables: Mapping[str, str], said: str = "") -> None:
    done = subprocess.run(command, cwd=ROOT, env=os.environ | variables, input=said, check=False, text=True)
    if done.returncode != 0:
        raise FleetError(f"`{' '.join(command)}` ended with status {done.returncode}")


if __name__ == "__main__":
    main()
