"""For every layout of a message, the settings that are proposed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from config.errors import RecordingError
from dataflows.describe import propose
from tests.support.described import drive, pointers, proposed, sample_of

SIGNALS = ["/speed", "/rpm", "/coolant"]


def test_a_message_that_is_one_event() -> None:
    settings = proposed(sample_of([{"vin": "V1", **record} for record in drive()]))
    assert settings["payload"] == {
        "layout": "event",
        "vehicle_id": "/vin",
        "time": "/ts",
        "time_format": "epoch_s",
        "sequence": "",
    }
    assert pointers(settings) == SIGNALS
    assert pointers(settings, scored=False) == []


def test_an_event_with_nested_objects() -> None:
    messages = [
        {
            "device": {"id": "A1", "model": "X"},
            "when": record["ts"],
            "engine": {"rpm": record["rpm"], "temp": record["coolant"]},
            "obd": {"speed": record["speed"]},
        }
        for record in drive()
    ]
    settings = proposed(sample_of(messages))
    assert settings["payload"]["layout"] == "event"
    assert settings["payload"]["time"] == "/when"
    assert settings["payload"]["vehicle_id"] == "/device/id"
    assert pointers(settings) == ["/engine/rpm", "/engine/temp", "/obd/speed"]


def test_a_message_that_is_an_array_of_events() -> None:
    records = [{"ident": "350000000000001", **record} for record in drive()]
    settings = proposed(sample_of([records[start : start + 5] for start in range(0, 200, 5)]))
    assert settings["payload"]["layout"] == "list"
    assert settings["payload"]["vehicle_id"] == "/ident"
    assert pointers(settings) == SIGNALS


@pytest.mark.parametrize("repeats_id", [True, False])
def test_a_message_that_is_a_map_by_vehicle(repeats_id: bool) -> None:
    names = ["VEH-1", "VEH-2"]
    messages = [
        {name: {**({"vehicle_id": name} if repeats_id else {}), **record} for name in names}
        for record in drive()
    ]
    settings = proposed(sample_of(messages))
    assert settings["payload"]["layout"] == "map"
    assert settings["payload"]["vehicle_id"] == ("/vehicle_id" if repeats_id else "key")
    assert settings["payload"]["time"] == "/ts"


def test_a_message_that_is_a_map_by_time() -> None:
    records = drive()
    messages = [
        {str(record.pop("ts")): record for record in map(dict, records[start : start + 5])}
        for start in range(0, 200, 5)
    ]
    settings = proposed(sample_of(messages))
    assert settings["payload"]["layout"] == "map"
    assert settings["payload"]["time"] == "key"
    assert settings["payload"]["time_format"] == "epoch_s"
    assert settings["payload"]["vehicle_id"] == "topic"
    assert pointers(settings) == SIGNALS


@pytest.mark.parametrize("above", [["data"], ["result", "items"]])
def test_records_in_an_envelope_that_names_the_vehicle(above: list[str]) -> None:
    records = drive()
    messages: list[Any] = []
    for start in range(0, 200, 10):
        inside: Any = records[start : start + 10]
        for key in reversed(above):
            inside = {key: inside}
        messages.append(
            {"imei": "350000000000005", "uploadTimeStamp": (records[start]["ts"] + 60) * 1000, **inside}
        )
    settings = proposed(sample_of(messages))
    assert settings["payload"] == {
        "records": "/" + "/".join(above),
        "vehicle_id": "/imei",
        "time": "/ts",
        "time_format": "epoch_s",
        "sequence": "",
    }
    assert pointers(settings) == SIGNALS


def test_a_map_by_vehicle_in_an_envelope_that_says_the_time() -> None:
    messages = [
        {"ts": record.pop("ts"), "fleet": {"V1": record, "V2": record}} for record in map(dict, drive())
    ]
    settings = proposed(sample_of(messages))
    assert settings["payload"]["records"] == "/fleet"
    assert settings["payload"]["vehicle_id"] == "key"
    assert settings["payload"]["time"] == "/ts"


def test_a_short_array_of_trouble_codes_is_no_envelope() -> None:
    messages = [{"vin": "V1", **record, "dtc": [{"code": "P0301", "count": 1}]} for record in drive()]
    assert "records" not in proposed(sample_of(messages))["payload"]


@pytest.mark.parametrize("as_pairs", [True, False])
def test_every_signal_as_an_array_of_samples(as_pairs: bool) -> None:
    records = drive()
    messages = []
    for start in range(0, 200, 10):
        part = records[start : start + 10]
        series = {
            name: [
                [record["ts"], record[name]] if as_pairs else {"time": record["ts"], "value": record[name]}
                for record in part
            ]
            for name in ("speed", "rpm")
        }
        messages.append({"vin": "V1", **series})
    settings = proposed(sample_of(messages))
    assert settings["payload"]["layout"] == "series"
    assert settings["payload"]["time"] == ("/0" if as_pairs else "/time")
    assert settings["payload"]["value"] == ("/1" if as_pairs else "/value")
    assert settings["payload"]["time_format"] == "epoch_s"
    assert settings["payload"]["vehicle_id"] == "/vin"
    assert pointers(settings) == ["/speed", "/rpm"]


def test_records_that_name_their_one_signal() -> None:
    messages = [
        {"vin": "V1", "path": path, "dp": {"ts": record["ts"], "value": record[name]}}
        for record in drive()
        for path, name in (("Vehicle.Speed", "speed"), ("Vehicle.Powertrain.Engine.Speed", "rpm"))
    ]
    settings = proposed(sample_of(messages))
    assert settings["payload"]["signal"] == "/path"
    assert settings["payload"]["value"] == "/dp/value"
    assert settings["payload"]["time"] == "/dp/ts"
    assert pointers(settings) == ["/Vehicle.Speed", "/Vehicle.Powertrain.Engine.Speed"]


def test_signals_that_are_named_by_a_path() -> None:
    """As Eclipse Ditto names them."""
    messages = [
        {"path": f"/features/{name}/properties/value", "value": record[name], "timestamp": record["ts"]}
        for record in drive()
        for name in ("speed", "rpm")
    ]
    sample = sample_of(messages, "ditto/v1/events")
    settings = proposed(sample)
    assert settings["payload"]["signal"] == "/path"
    assert settings["topics"]["telemetry"] == "ditto/{vehicle}/events"
    assert pointers(settings) == ["/features/speed/properties/value", "/features/rpm/properties/value"]
    names = list(settings["signals"])
    assert len(set(names)) == 2


def test_records_in_an_envelope_that_name_their_one_signal() -> None:
    messages = [
        {
            "vin": "V1",
            "ts": record["ts"],
            "signals": [{"name": name, "value": record[name]} for name in ("speed", "rpm")],
        }
        for record in drive()
    ]
    settings = proposed(sample_of(messages))
    assert settings["payload"]["records"] == "/signals"
    assert settings["payload"]["signal"] == "/name"
    assert settings["payload"]["value"] == "/value"
    assert settings["payload"]["vehicle_id"] == "/vin"
    assert settings["payload"]["time"] == "/ts"


def test_one_value_per_topic() -> None:
    messages: list[bytes] = []
    topics: list[str] = []
    for record in drive():
        for name in ("speed", "rpm"):
            messages.append(json.dumps(record[name]).encode())
            topics.append(f"teslamate/cars/1/{name}")
    messages += [b"", b"driving"]
    topics += ["teslamate/cars/1/speed", "teslamate/cars/1/state"]
    settings = proposed(sample_of(messages, topics))
    assert settings["topics"]["telemetry"] == "teslamate/cars/{vehicle}/{signal}"
    assert settings["payload"] == {"layout": "event", "vehicle_id": "topic", "time": "", "sequence": ""}
    assert pointers(settings) == ["/speed", "/rpm"]


def test_an_object_with_one_value_per_topic() -> None:
    messages = []
    topics = []
    for record in drive():
        for name in ("speed", "rpm"):
            for vehicle in ("v1", "v2"):
                messages.append({"ts": record["ts"], "value": record[name]})
                topics.append(f"fleet/{vehicle}/{name}")
    settings = proposed(sample_of(messages, topics))
    assert settings["topics"]["telemetry"] == "fleet/{vehicle}/{signal}"
    assert settings["payload"]["value"] == "/value"
    assert settings["payload"]["time"] == "/ts"
    assert pointers(settings) == ["/speed", "/rpm"]


def test_the_vehicle_in_the_middle_of_the_topic() -> None:
    records = [(f"van-{van}", record) for record in drive() for van in range(3)]
    sample = sample_of([record for _, record in records], [f"cars/{van}/telemetry" for van, _ in records])
    settings = proposed(sample)
    assert settings["topics"]["telemetry"] == "cars/{vehicle}/telemetry"
    assert settings["payload"]["vehicle_id"] == "topic"


def test_a_topic_level_that_varies_beside_an_id_in_the_payload_is_a_wildcard() -> None:
    records = [{"vin": f"V{van}", **record} for record in drive() for van in range(3)]
    settings = proposed(sample_of(records, [f"cars/{record['vin']}/telemetry" for record in records]))
    assert settings["topics"]["telemetry"] == "cars/+/telemetry"
    assert settings["payload"]["vehicle_id"] == "/vin"


def test_the_key_of_a_kafka_message() -> None:
    records = drive()
    keys = [f"V{number % 3}" for number in range(len(records))]
    sample = sample_of(records, "telemetry", source="kafka", name="telemetry", keys=keys)
    settings = proposed(sample)
    assert settings["payload"]["vehicle_id"] == "key"
    assert settings["topics"]["telemetry"] == "telemetry"
    assert "/" not in settings["topics"]["enriched"]


def test_a_recording_of_messages_with_keys_comes_from_kafka() -> None:
    records = drive()
    keys = [f"V{number % 3}" for number in range(len(records))]
    settings = proposed(sample_of(records, "telemetry", keys=keys))
    assert settings["payload"]["vehicle_id"] == "key"
    assert settings["source"] == settings["sink"] == {"kind": "kafka"}
    assert settings["topics"]["telemetry"] == "telemetry"


@pytest.mark.parametrize(
    "payloads", [[b"\x00\x01\x02"] * 5, [b"hello"] * 5, [b"{}"] * 5, [b'{"name": "x"}'] * 5, [b"[1, 2]"] * 5]
)
def test_what_holds_no_number_is_refused_in_one_line(payloads: list[bytes]) -> None:
    with pytest.raises(RecordingError, match="expected") as refused:
        propose(sample_of(payloads))
    assert "\n" not in str(refused.value)


def test_topics_without_a_level_for_the_vehicle_are_refused_in_one_line() -> None:
    messages = [number for number in range(100) for _ in range(2)]
    with pytest.raises(RecordingError, match="a level for the vehicle"):
        propose(sample_of(messages, ["speed", "rpm"] * 100))


def test_messages_that_do_not_fit_are_counted() -> None:
    messages: list[Any] = [{"vin": "V1", **record} for record in drive()]
    messages[7] = b"garbage"
    assert any("1 of 200 messages" in line for line in propose(sample_of(messages)).seen)
