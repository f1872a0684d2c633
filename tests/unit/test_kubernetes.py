"""config/kubernetes: valid, consistent with itself and with the settings, and confined."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml  # type: ignore[import-untyped]

from config.settings import load
from tests.support.containers import COMPOSE
from tests.support.paths import REPOSITORY

FILE = REPOSITORY / "config" / "kubernetes" / "fleet.yaml"
OBJECTS: list[dict[str, Any]] = list(yaml.safe_load_all(FILE.read_text(encoding="utf-8")))
RELEASE = "1.33"


def only(kind: str) -> dict[str, Any]:
    (found,) = [each for each in OBJECTS if each["kind"] == kind]
    return found


POD = only("StatefulSet")["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]
VARIABLES = {each["name"]: each.get("value", "secret") for each in CONTAINER["env"]}


@pytest.mark.parametrize("manifest", OBJECTS, ids=lambda each: each["kind"])
def test_each_object_is_what_kubernetes_expects(manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, RELEASE, strict=True)


def test_there_is_an_address_for_each_process() -> None:
    spec = only("StatefulSet")["spec"]
    service = only("Service")
    (port,) = [port["port"] for port in service["spec"]["ports"] if port["name"] == "bytewax"]
    assert service["metadata"]["name"] == spec["serviceName"]
    expected = [f"fleet-{number}.{spec['serviceName']}:{port}" for number in range(spec["replicas"])]
    assert VARIABLES["FLEET_ADDRESSES"].split(";") == expected
    script = CONTAINER["args"][-1]
    assert f"bytewax.recovery /recovery {spec['replicas']}\n" in script
    assert f"/recovery/part-{spec['replicas'] - 1}.sqlite3" in script


def test_the_settings_are_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (mount,) = [mount["mountPath"] for mount in CONTAINER["volumeMounts"] if mount["name"] == "settings"]
    file = Path(VARIABLES["FLEET_CONFIG"])
    assert str(file.parent) == mount
    text = only("ConfigMap")["data"][file.name]
    (tmp_path / file.name).write_text(text, encoding="utf-8")
    monkeypatch.setenv("FLEET_CONFIG", str(tmp_path / file.name))
    for name, value in VARIABLES.items():
        if name.startswith("FLEET__"):
            monkeypatch.setenv(name, value)
    settings = load()
    assert settings.kafka.bootstrap == tomllib.loads(text)["kafka"]["bootstrap"]
    assert settings.monitoring.port == 9464


def test_the_probes_ask_where_the_job_answers() -> None:
    ports = {port["name"]: port["containerPort"] for port in CONTAINER["ports"]}
    assert str(ports["metrics"]) == VARIABLES["FLEET__MONITORING__PORT"]
    probes = {
        name: CONTAINER[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    assert {probe["port"] for probe in probes.values()} == {"metrics"}
    assert probes["readinessProbe"]["path"] == "/ready"
    assert probes["livenessProbe"]["path"] == probes["startupProbe"]["path"] == "/live"


def test_it_runs_without_rights_from_the_image_of_compose() -> None:
    images = {service.get("image") for service in COMPOSE["services"].values()}
    assert CONTAINER["image"] in images
    assert POD["securityContext"]["runAsNonRoot"]
    assert not POD["automountServiceAccountToken"]
    confined = CONTAINER["securityContext"]
    assert confined["readOnlyRootFilesystem"]
    assert confined["capabilities"] == {"drop": ["ALL"]}
    assert not confined["allowPrivilegeEscalation"]


def test_nobody_but_the_job_reaches_the_ports_of_the_engine() -> None:
    policy = only("NetworkPolicy")["spec"]
    labels = only("StatefulSet")["spec"]["template"]["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"] == labels
    reaching = [rule["from"] for rule in policy["ingress"] for port in rule["ports"] if port["port"] == 2101]
    assert reaching == [[{"podSelector": {"matchLabels": labels}}]]
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
