"""The services of docker-compose.yml as native processes, and the smoke test: ``make stack``.

``secure`` (mosquitto with TLS, users and permissions, and a login at the page) needs mosquitto and openssl;
``kafka`` needs Java and the Kafka that ``make kafka`` has fetched, and is left out without. Everything is on
free ports and in a temporary directory, and is stopped at the end.
"""

from __future__ import annotations

import argparse
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from config.errors import FleetError, SettingsError, exit_on_error
from scripts.broker_users import write_environments
from scripts.brokers import kafka
from scripts.brokers.kafka_process import KafkaBroker
from scripts.brokers.mosquitto import Mosquitto, mosquitto_is_installed
from scripts.brokers.process import BrokerProcess
from scripts.brokers.secured_mosquitto import SecuredMosquitto
from scripts.stack.channel import channel
from scripts.stack.compose import ROOT, Profile, Program
from scripts.stack.smoke import VEHICLES
from scripts.waiting import wait_until

PROFILES = ("mqtt", "secure", "kafka")
LOGIN = "smoke"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run each profile and its smoke test.

    Raises:
        SystemExit: status 1 after one line, if a profile cannot be run or its smoke test fails.
    """
    parser = argparse.ArgumentParser(
        prog="python -m scripts.stack",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "profiles",
        nargs="*",
        choices=[*PROFILES, []],
        metavar="PROFILE",
        help="mqtt, secure or kafka (default: secure, and kafka where it can be run)",
    )
    options = parser.parse_args(arguments)
    with exit_on_error("stack"):
        for name in options.profiles or ("secure", "kafka"):
            if name == "kafka" and not options.profiles and not kafka.is_fetched():
                print("stack: kafka is left out: it needs Java, Maven, and what `make kafka` fetches once")
                continue
            started = time.monotonic()
            with tempfile.TemporaryDirectory(prefix=f"stack-{name}-") as directory:
                run(name, Path(directory))
            print(f"stack: {name} is well, after {time.monotonic() - started:.0f} s", flush=True)


def run(name: str, directory: Path) -> None:
    """Run a profile and its smoke test.

    Args:
        name: of the profile.
        directory: an empty one.

    Raises:
        SettingsError: what the profile needs is not installed.
        FleetError: the smoke test failed, or a program ended; the ends of the logs are on standard error.
    """
    with ExitStack() as running:
        broker, address, smoke = _broker(name, directory)
        broker.start()
        running.callback(broker.stop)
        told = running.enter_context(channel())
        beside = told.variables
        if name == "kafka":
            beside |= {"FLEET__KAFKA__BOOTSTRAP": f"{address[0]}:{address[1]}"}
        profile = Profile(name, directory, address, beside)
        if "FLEET__PAGE__LOGIN__USERS" in profile.page.variables:
            smoke |= {"SMOKE_LOGIN": LOGIN, "SMOKE_LOGIN_PASSWORD": _page_user(profile.page)}
        processes = {
            program.name: running.enter_context(_process(program, directory / f"{program.name}.log"))
            for program in profile.programs.values()
        }
        try:
            _smoke(name, profile, smoke)
            wait_until(lambda: any(VEHICLES in message for message in told.messages), "a notification")
            print("smoke: the notifier has told of the alert", flush=True)
            ended = [each for each, process in processes.items() if process.poll() is not None]
            if ended:
                raise FleetError(
                    f"{name}: expected all programs to run until the end, got the end of {ended}"
                )
        except (AssertionError, FleetError) as error:
            for log in sorted(directory.glob("*.log")):
                print(f"--- {log.name}\n{log.read_text(errors='replace')[-2000:]}", file=sys.stderr)
            raise FleetError(f"{name}: {error}") from None


def _smoke(name: str, profile: Profile, variables: dict[str, str]) -> None:
    command = [sys.executable, "-m", "scripts.stack.smoke", *profile.addresses]
    environment = profile.page.environment | variables
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise FleetError(f"the smoke test failed: {(done.stderr.strip() or 'no reason').splitlines()[-1]}")


def _broker(name: str, directory: Path) -> tuple[BrokerProcess, tuple[str, int], dict[str, str]]:
    """The broker of a profile, its address for the programs, and variables of the smoke test."""
    if name == "kafka":
        node = KafkaBroker(directory)
        return node, (node.host, node.port), {}
    if not mosquitto_is_installed():
        raise SettingsError(f"{name}: expected mosquitto, found none; install it: apt-get install mosquitto")
    if name == "mqtt":
        plain = Mosquitto(directory)
        return plain, (plain.host, plain.port), {}
    secured = SecuredMosquitto(directory, [])
    write_environments(directory / ".broker", secured.passwords)
    user = "simulator"
    variables = {"SMOKE_USERNAME": user, "SMOKE_PASSWORD": secured.passwords[user]}
    return secured, (secured.host, secured.services_port), variables


def _page_user(page: Program) -> str:
    """Create somebody who may log in; returns the password."""
    password = secrets.token_urlsafe(18)
    command = [sys.executable, "-m", "ui.login", "add", LOGIN, "--role", "viewer"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=page.environment,
        input=f"{password}\n",
        text=True,
        check=False,
        capture_output=True,
    )
    if done.returncode != 0:
        raise FleetError(f"expected a user for the page, got: {done.stderr.strip()}")
    return password


@contextmanager
def _process(program: Program, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            program.command, cwd=ROOT, env=program.environment, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()
