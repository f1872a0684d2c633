"""A real Kafka broker without containers: ``make kafka``.

Java 17 or newer runs it; Maven fetches it once, from Maven Central. It is a single KRaft node with
``config/kafka/server.properties``, keeps its data in ``.kafka/PORT`` and listens on localhost only.
"""

from __future__ import annotations

import argparse
import base64
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from config.errors import BrokerError, SettingsError, exit_on_error
from config.stop_request import StopRequest
from scripts.brokers.ports import LOCALHOST, answers, free_port

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION = ROOT / "config" / "kafka" / "server.properties"
POM = ROOT / "config" / "kafka" / "pom.xml"
WORK = ROOT / ".kafka"
PORT = 9092
DEPENDENCY_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath"

JVM = (
    "-Xms256m",
    "-Xmx768m",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
)
TIME_TO_START = 60.0
"""Seconds within which the broker must listen; a cold start takes about five."""

TIME_TO_STOP = 30.0
"""Seconds to shut down before the broker is killed."""


def class_path() -> str:
    """The class path of Kafka; its jars are fetched if they are missing.

    Raises:
        SettingsError: Java or Maven is not installed.
        BrokerError: the jars cannot be fetched.
    """
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            raise SettingsError(
                f"expected {program} on the PATH, found none; install what Kafka needs, Java 17 or newer and "
                "Maven: apt-get install openjdk-17-jre-headless maven, brew install openjdk@17 maven"
            )
    known = _known()
    if _has_jars(known):
        return known.read_text()
    WORK.mkdir(exist_ok=True)
    print("fetching Kafka from Maven Central (about 100 MB, once)", file=sys.stderr, flush=True)
    # Written to another file first: two processes may fetch at once, and one may be interrupted.
    written = WORK / f"classpath.{os.getpid()}"
    command = ["mvn", "-q", "-B", "-f", str(POM), DEPENDENCY_PLUGIN, f"-Dmdep.outputFile={written}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not written.exists():
        trouble = next((line for line in done.stdout.splitlines() if "ERROR" in line), done.stdout.strip())
        raise BrokerError(f"cannot fetch Kafka with `{' '.join(command)}`: {trouble}")
    written.replace(known)
    return known.read_text()


def is_fetched() -> bool:
    """Whether Java and the jars of Kafka are there, so that a broker starts without fetching anything."""
    return shutil.which("java") is not None and shutil.which("mvn") is not None and _has_jars(_known())


def _known() -> Path:
    return WORK / f"classpath-{POM.stat().st_mtime_ns}"


def _has_jars(known: Path) -> bool:
    return known.exists() and all(Path(jar).exists() for jar in known.read_text().split(os.pathsep))


def configure(
    directory: Path,
    port: int,
    controller_port: int,
    *,
    protocol: str = "PLAINTEXT",
    lines: Sequence[str] = (),
) -> Path:
    """Write the configuration of a node.

    Args:
        directory: of the node, for configuration and data.
        port: for clients, on localhost.
        controller_port: for the node's own controller, on localhost.
        protocol: that clients must use: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.
        lines: further properties; of several with one name the last is effective.

    Returns:
        the file of properties.
    """
    own = [
        f"listeners={protocol}://{LOCALHOST}:{port},CONTROLLER://{LOCALHOST}:{controller_port}",
        f"listener.security.protocol.map={protocol}:{protocol},CONTROLLER:PLAINTEXT",
        f"inter.broker.listener.name={protocol}",
        f"controller.quorum.bootstrap.servers={LOCALHOST}:{controller_port}",
        f"log.dirs={directory / 'data'}",
        *lines,
    ]
    directory.mkdir(parents=True, exist_ok=True)
    properties = directory / "server.properties"
    properties.write_text("\n".join([CONFIGURATION.read_text(), "# This node.", *own, ""]))
    return properties


def format_storage(properties: Path, *, arguments: Sequence[str] = ()) -> None:
    """Format the data directory of the node; a formatted one is left as it is.

    Args:
        properties: the file that `configure` returned.
        arguments: further arguments of Kafka's StorageTool, such as ``--add-scram``.

    Raises:
        BrokerError: Kafka rejects the configuration.
    """
    cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    tool = ["java", "-cp", class_path(), *JVM, "kafka.tools.StorageTool", "format", "--standalone"]
    command = [*tool, "--ignore-formatted", f"--cluster-id={cluster_id}", "-c", str(properties), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BrokerError(f"Kafka cannot use {properties}: {(done.stderr or done.stdout).strip()}")


def command(properties: Path) -> list[str]:
    """The command line that runs a node in the foreground."""
    return ["java", "-cp", class_path(), *JVM, "kafka.Kafka", str(properties)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a broker until Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.brokers.kafka",
        description=__doc__,
        epilog="example:\n  python -m scripts.brokers.kafka --port 9192",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--port", type=int, default=PORT, metavar="N", help="port to listen on (default: %(default)s)"
    )
    parser.add_argument("--fetch", action="store_true", help="only fetch Kafka, then exit")
    options = parser.parse_args(arguments)
    with exit_on_error("kafka"):
        if options.fetch:
            class_path()
        else:
            run(options.port)


def run(port: int) -> None:
    """Run a broker in the foreground until SIGINT or SIGTERM.

    Raises:
        SettingsError: Java or Maven is not installed, or the port is in use.
        BrokerError: Kafka cannot be fetched, does not start, or exits.
    """
    if answers(port):
        raise SettingsError(
            f"expected port {port} to be free, a program listens on it; name another with --port"
        )
    directory = WORK / str(port)
    # No client knows the controller's port, so any free one would do, but the data directory remembers it.
    kept = directory / "controller-port"
    controller_port = int(kept.read_text()) if kept.exists() else free_port()
    properties = configure(directory, port, controller_port)
    kept.write_text(str(controller_port))
    format_storage(properties)
    log = directory / "kafka.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command(properties), stdout=output, stderr=output, start_new_session=True)
    try:
        with StopRequest() as stop:
            deadline = time.monotonic() + TIME_TO_START
            while not stop.requested and not answers(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise BrokerError(
                        f"expected Kafka to listen on port {port} within {TIME_TO_START:g} s, it does not; "
                        f"{log} says why"
                    )
                time.sleep(0.1)
            if not stop.requested:
                print(
                    f"Kafka listens on {LOCALHOST}:{port}, data in {directory}; Ctrl-C stops it", flush=True
                )
            while not stop.requested:
                if process.poll() is not None:
                    raise BrokerError(f"Kafka exited with status {process.returncode}; {log} says why")
                time.sleep(0.2)
    finally:
        process.terminate()
        try:
            process.wait(TIME_TO_STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()
