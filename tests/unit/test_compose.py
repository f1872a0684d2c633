"""docker-compose.yml: consistent with itself, the settings and the demo."""

from __future__ import annotations

import importlib
import importlib.util
import re
import subprocess
from fnmatch import fnmatch
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from scripts.broker_users import ROLES
from tests.support.containers import (
    BYTEWAX,
    COMPOSE,
    KINDS,
    OPTIONAL,
    OURS,
    PROFILES,
    PROGRAMS,
    SECOND,
    SERVICES,
    STATE,
    address,
    broker_profile_of,
    copied,
    environment,
    essence,
    health,
    image,
    native,
    option,
    profile_of,
    settings_of,
    shell_text,
    words,
)
from tests.support.paths import REPOSITORY


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_is_one_broker_and_all_four_programs(profile: str) -> None:
    expected = {PROFILES[profile], *(f"{program}-{profile}" for program in PROGRAMS)}
    expected |= {SECOND} if profile == "kafka" else set()

    assert {name for name in SERVICES if profile_of(name) == profile} == expected


@pytest.mark.parametrize("profile", PROFILES)
def test_people_are_told_of_alerts_only_with_a_profile_of_its_own(profile: str) -> None:
    assert {name for name in SERVICES if profile_of(name) == f"notify-{profile}"} == {f"notifier-{profile}"}
    assert not [
        name for name, service in SERVICES.items() if f"notifier-{profile}" in service.get("depends_on", {})
    ]


@pytest.mark.parametrize("profile", PROFILES)
def test_the_channels_come_from_a_file_that_may_be_missing_and_stays_out_of_the_repository(
    profile: str,
) -> None:
    *_, file = SERVICES[f"notifier-{profile}"]["env_file"]
    ignored = (REPOSITORY / ".gitignore").read_text(encoding="utf-8").splitlines()

    assert file["required"] is False
    assert any(fnmatch(file["path"], pattern) for pattern in ignored)
    assert not (REPOSITORY / file["path"]).exists()
    having = [name for name, service in SERVICES.items() if file in service.get("env_file", [])]
    assert having == [f"notifier-{each}" for each in PROFILES]


@pytest.mark.parametrize("service", OURS)
def test_every_program_finds_its_broker_with_its_settings(
    service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(service, monkeypatch)

    profile = broker_profile_of(service)
    assert settings.source.kind == settings.sink.kind == KINDS[profile]
    broker = settings.mqtt.host if KINDS[profile] == "mqtt" else settings.kafka.bootstrap.partition(":")[0]
    assert broker == PROFILES[profile]


@pytest.mark.parametrize("service", SERVICES)
def test_yaml_reads_the_values_of_environment_variables_as_strings(service: str) -> None:
    assert all(isinstance(value, str) for value in environment(service).values())


@pytest.mark.parametrize("service", OURS)
def test_every_module_that_is_run_exists(service: str) -> None:
    modules = re.findall(r"python -m (\S+)", shell_text(service))

    assert modules or service.startswith("page")
    for module in modules:
        spec = importlib.util.find_spec(module)
        assert spec is not None
        if spec.submodule_search_locations is not None:
            assert importlib.util.find_spec(f"{module}.__main__") is not None


@pytest.mark.parametrize("service", BYTEWAX)
def test_every_dataflow_module_that_is_run_defines_a_flow(service: str) -> None:
    (module,) = re.findall(r"bytewax\.run (\S+)", shell_text(service))

    assert callable(importlib.import_module(module).flow)


@pytest.mark.parametrize("profile", PROFILES)
def test_the_page_that_is_run_exists_and_is_copied(profile: str) -> None:
    folder = essence(words(f"page-{profile}"))[-1]

    assert (REPOSITORY / folder / "streamlit_app.py").is_file()
    assert folder in copied()


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    ("program", "name"),
    [("simulator", "sim"), ("dataflow", "dataflow"), ("recorder", "recorder"), ("page", "page")],
)
def test_the_programs_are_those_of_the_native_run(program: str, name: str, profile: str) -> None:
    assert essence(words(f"{program}-{profile}")) == essence(native()[name])


@pytest.mark.parametrize("program", [*PROGRAMS, *OPTIONAL])
def test_all_profiles_run_the_same_command_but_for_the_job_over_kafka(program: str) -> None:
    command = SERVICES[f"{program}-mqtt"]["command"]
    assert SERVICES[f"{program}-secure"]["command"] == command
    over_kafka = words(f"{program}-kafka")
    assert over_kafka[: len(words(f"{program}-mqtt"))] == words(f"{program}-mqtt")
    assert (SERVICES[f"{program}-kafka"]["command"] == command) == (program != "dataflow")


OF_TWO = ("dataflow-kafka", SECOND)


@pytest.mark.parametrize("service", BYTEWAX)
def test_a_recovery_directory_is_created_only_where_there_is_none_and_outlives_the_container(
    service: str,
) -> None:
    text = shell_text(service)
    directory = option(words(service), "-r")
    last, parts = ("part-1", 2) if service in OF_TWO else ("part-0", 1)
    assert f"python -m bytewax.recovery {directory} {parts};" in text
    assert f"-e {directory}/{last}.sqlite3 ]" in text.partition("python -m bytewax.recovery")[0]
    assert f"{service.replace(SECOND, OF_TWO[0])}:{STATE}" in SERVICES[service]["volumes"]
    assert directory.startswith(f"{STATE}/")


def test_two_processes_share_the_work_over_kafka_and_a_part_for_each() -> None:
    first, second = map(environment, OF_TWO)
    addresses = first["FLEET_ADDRESSES"]

    assert [first["FLEET_PROCESS"], second["FLEET_PROCESS"]] == ["0", "1"]
    assert addresses == second["FLEET_ADDRESSES"] == ";".join(f"{service}:2101" for service in OF_TWO)
    assert SERVICES[OF_TWO[0]]["command"] == SERVICES[SECOND]["command"]
    assert option(words(SECOND), "-a") == '"$$FLEET_ADDRESSES"'
    assert "until [ -e /var/lib/fleet/recovery/part-1.sqlite3 ]" in shell_text(SECOND)


@pytest.mark.parametrize("profile", PROFILES)
def test_the_history_outlives_the_container(profile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = settings_of(f"recorder-{profile}", monkeypatch).history.directory

    assert SERVICES[f"recorder-{profile}"]["volumes"][0].endswith(f":{STATE}")
    assert isinstance(directory, Path)
    assert directory.as_posix().startswith(f"{STATE}/")


@pytest.mark.parametrize("profile", PROFILES)
def test_the_page_reads_the_history_of_the_recorder_and_the_metrics_of_the_job(
    profile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = settings_of(f"page-{profile}", monkeypatch)

    assert SERVICES[f"page-{profile}"]["volumes"][0] == f"recorder-{profile}:{STATE}:ro"
    assert page.history.directory == settings_of(f"recorder-{profile}", monkeypatch).history.directory
    port = settings_of(f"dataflow-{profile}", monkeypatch).monitoring.port
    jobs = [
        name
        for name, service in SERVICES.items()
        if name.startswith(("dataflow", "recorder")) and profile in service["profiles"]
    ]
    assert page.page.metrics == tuple(f"http://{job}:{port}/metrics" for job in jobs)


@pytest.mark.parametrize("service", SERVICES)
def test_every_mounted_file_exists_and_every_volume_is_declared(service: str) -> None:
    for volume in SERVICES[service].get("volumes", []):
        if not isinstance(volume, str):
            # What has been made for this broker: no empty directory in its place, should it be missing.
            assert volume["source"].startswith("${FLEET_BROKER:-./.broker}/")
            assert volume["read_only"] is True
            assert volume["bind"] == {"create_host_path": False}
            continue
        source, _, target = volume.partition(":")
        if source.startswith("."):
            assert (REPOSITORY / source).is_file()
            assert target.endswith(":ro")
        else:
            assert source in COMPOSE["volumes"]


def test_kafka_has_the_version_of_the_native_broker() -> None:
    pom = (REPOSITORY / "config" / "kafka" / "pom.xml").read_text(encoding="utf-8")
    (version,) = re.findall(r"<artifactId>kafka_2\.13</artifactId>\s*<version>([^<]+)</version>", pom)

    assert SERVICES["kafka"]["image"] == f"apache/kafka:{version}"


def test_kafka_has_the_properties_of_the_native_broker() -> None:
    text = (REPOSITORY / "config" / "kafka" / "server.properties").read_text(encoding="utf-8")
    properties = [line.partition("=") for line in text.splitlines() if line and not line.startswith("#")]

    expected = {f"KAFKA_{name.replace('.', '_').upper()}": value for name, _, value in properties}
    assert expected.items() <= environment("kafka").items()


def test_kafka_accepts_messages_as_large_as_the_programs_publish(monkeypatch: pytest.MonkeyPatch) -> None:
    longest = settings_of("dataflow-kafka", monkeypatch).kafka.max_message_bytes

    assert int(environment("kafka")["KAFKA_MESSAGE_MAX_BYTES"]) >= longest


def test_kafka_is_where_the_programs_look_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    bootstrap = settings_of("dataflow-kafka", monkeypatch).kafka.bootstrap
    variables = environment("kafka")

    host, _, port = bootstrap.partition(":")
    assert SERVICES["kafka"]["hostname"] == host
    assert variables["KAFKA_ADVERTISED_LISTENERS"] == f"PLAINTEXT://{bootstrap}"
    assert f"PLAINTEXT://:{port}" in variables["KAFKA_LISTENERS"].split(",")
    voter = variables["KAFKA_CONTROLLER_QUORUM_VOTERS"]
    assert voter.startswith(f"{variables['KAFKA_NODE_ID']}@{host}:")
    assert f"CONTROLLER://:{voter.rpartition(':')[2]}" in variables["KAFKA_LISTENERS"].split(",")
    assert option(health("kafka"), "--bootstrap-server") == bootstrap


def configuration_in_the_container(service: str) -> str:
    """The configuration that the command of a mosquitto writes."""
    sed = re.findall(r"sed '([^']*)'", shell_text(service))
    file = REPOSITORY / "config" / environment(service)["CONFIGURATION"]
    command = ["sed", sed[0].replace("$$", "$"), str(file)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("profile", ["mqtt", "secure"])
def test_mosquitto_is_where_the_programs_look_for_it(profile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    port = settings_of(f"dataflow-{profile}", monkeypatch).mqtt.port
    shipped = (REPOSITORY / "config" / environment(PROFILES[profile])["CONFIGURATION"]).read_text("utf-8")

    assert f"\nlistener {port} 127.0.0.1\n" in shipped, "outside of a container, nobody else reaches it"
    assert f"\nlistener {port}\n" in configuration_in_the_container(PROFILES[profile])
    assert "127.0.0.1" not in configuration_in_the_container(PROFILES[profile])


def test_mosquitto_is_healthy_while_it_answers_or_listens() -> None:
    assert option(health("mosquitto"), "-p") == "1883"
    assert f":{8884:04X} 0*:0000 0A" in health("mosquitto-secure")[-1]


@pytest.mark.parametrize("service", ["mosquitto", "mosquitto-secure"])
def test_mosquitto_keeps_its_state_in_its_volume(service: str) -> None:
    assert "\npersistence true\n" in configuration_in_the_container(service)
    assert "echo 'persistence_location /mosquitto/data/' >> /tmp/mosquitto.conf" in shell_text(service)
    assert f"{service}:/mosquitto/data" in SERVICES[service]["volumes"]


def test_each_program_has_the_password_of_its_role_from_a_file_of_its_own() -> None:
    roles = {"dataflow", "recorder", "notify", "page", "page-dispatcher", "page-operator", "simulator"}
    found = {}
    for service in OURS:
        files = [file["path"] for file in SERVICES[service].get("env_file", [])]
        found[service] = [Path(file).stem for file in files if file.startswith("${FLEET_BROKER:-./.broker}/")]

    assert found["page-secure"] == ["page", "page-dispatcher", "page-operator"]
    assert found["notifier-secure"] == ["notify"]
    assert {role for files in found.values() for role in files} == roles == set(ROLES)
    assert all(found[service] == [] for service in OURS if not service.endswith("-secure"))


def test_the_secured_broker_is_reached_with_tls_and_vehicles_are_told_apart_by_their_topic(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for service in [name for name in OURS if name.endswith("-secure")]:
        settings = settings_of(service, monkeypatch)
        mounted = [volume["target"] for volume in SERVICES[service]["volumes"] if isinstance(volume, dict)]
        assert settings.mqtt.tls.enabled
        assert [str(settings.mqtt.tls.ca_file)] == mounted
        assert settings.payload.vehicle_id == "topic"


def test_the_secured_page_asks_for_a_login_and_the_others_say_that_they_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secured = settings_of("page-secure", monkeypatch).page
    assert not secured.open
    assert (
        f"page-secure:{secured.login.users and secured.login.users.parent}"
        in SERVICES["page-secure"]["volumes"]
    )
    for profile in ("mqtt", "kafka"):
        assert settings_of(f"page-{profile}", monkeypatch).page.open


def test_only_the_page_and_what_tells_people_leave_the_internal_network() -> None:
    networks = COMPOSE["networks"]
    assert networks["fleet"] == {"internal": True}
    assert networks.keys() == {"fleet", "outside"}
    for name, service in SERVICES.items():
        leaves = name.startswith(("page", "notifier"))
        assert service["networks"] == (["fleet", "outside"] if leaves else ["fleet"])


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_limits_of_memory_and_processors(service: str) -> None:
    assert re.fullmatch(r"\d+[mg]", SERVICES[service]["mem_limit"])
    assert 0.5 <= SERVICES[service]["cpus"] <= 2.0


@pytest.mark.parametrize("profile", PROFILES)
def test_the_page_is_published_to_this_machine_only_and_checked_at_its_own_port(profile: str) -> None:
    page = f"page-{profile}"
    port = option(words(page), "--server.port")

    assert SERVICES[page]["ports"] == [f"127.0.0.1:${{FLEET_PAGE_PORT:-{port}}}:{port}"]
    assert urlsplit(address(page)).port == int(port)
    assert [value for name, value in image("page") if name == "EXPOSE"] == [port]


def test_nothing_but_the_page_is_published() -> None:
    published = {name for name, service in SERVICES.items() if "ports" in service}
    assert published == {f"page-{profile}" for profile in PROFILES}


@pytest.mark.parametrize("service", BYTEWAX)
def test_the_health_check_asks_the_job_whether_it_is_ready(
    service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitoring = settings_of(service, monkeypatch).monitoring

    assert address(service) == f"http://localhost:{monitoring.port}/ready"
    assert monitoring.host == "0.0.0.0", "the page asks from another container"
    assert monitoring.max_snapshot_age is not None
    assert monitoring.max_snapshot_age > float(option(words(service), "-s"))
    assert monitoring.max_silence is None, "a container is not ill because vehicles are silent"


@pytest.mark.parametrize("profile", PROFILES)
def test_the_simulator_is_healthy_while_connected_to_the_port_of_its_broker(
    profile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(f"simulator-{profile}", monkeypatch)
    kafka_port = int(settings.kafka.bootstrap.rpartition(":")[2])
    port = settings.mqtt.port if KINDS[profile] == "mqtt" else kafka_port

    assert health(f"simulator-{profile}") == ["CMD", "grep", "-q", f":{port:04X} 01 ", "/proc/net/tcp"]


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_a_health_check_and_is_restarted(service: str) -> None:
    assert health(service)[0] in ("CMD", "CMD-SHELL")
    assert SERVICES[service]["restart"] == "unless-stopped"


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_waits_until_those_it_needs_in_its_profile_are_healthy(service: str) -> None:
    needed = SERVICES[service].get("depends_on", {})

    assert bool(needed) == (service in OURS)
    for name, how in needed.items():
        assert profile_of(name) == broker_profile_of(service)
        assert how == {"condition": "service_healthy"}


@pytest.mark.parametrize("profile", PROFILES)
def test_the_simulator_waits_until_its_telemetry_is_read(profile: str) -> None:
    assert {f"dataflow-{profile}", f"recorder-{profile}"} <= set(
        SERVICES[f"simulator-{profile}"]["depends_on"]
    )


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_can_gain_privileges(service: str) -> None:
    assert SERVICES[service]["cap_drop"] == ["ALL"]
    assert SERVICES[service]["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in SERVICES[service]


@pytest.mark.parametrize("service", [*OURS, "mosquitto", "mosquitto-secure"])
def test_a_container_is_read_only_but_for_its_volume_and_tmp(service: str) -> None:
    assert SERVICES[service]["read_only"] is True
    assert SERVICES[service]["tmpfs"] == ["/tmp"]


@pytest.mark.parametrize("service", OURS)
def test_sigterm_reaches_the_programs(service: str) -> None:
    assert SERVICES[service]["init"] is True
