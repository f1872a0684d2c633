"""What each field is for, its unit and its range."""

from __future__ import annotations

from typing import Any

import pytest

from dataflows.describe import propose
from dataflows.describe.names import pointer_of, signal_names, tokens_of, words
from dataflows.describe.numbers import decimal_mark, number
from tests.support.described import START, drive, pointers, proposed, sample_of


def with_field(name: str, values: list[Any]) -> dict[str, Any]:
    records = [
        {"vin": "V1", **record, name: value} for record, value in zip(drive(len(values)), values, strict=True)
    ]
    return proposed(sample_of(records))


def role(settings: dict[str, Any], name: str) -> str:
    pointer = f"/{name}"
    if pointer in pointers(settings):
        return "context" if settings["signals"][name].get("role") == "context" else "scored"
    return "shown" if pointer in pointers(settings, scored=False) else "left out"


WAVE = [40 + (number * 7 % 13) for number in range(200)]


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("throttle", WAVE, "scored"),
        ("throttle", [str(value) for value in WAVE], "scored"),
        ("throttle", [f"{value} %" for value in WAVE], "scored"),
        ("brake", [value > 45 for value in WAVE], "scored"),
        ("brake", ["TRUE" if value > 45 else "FALSE" for value in WAVE], "scored"),
        ("mystery", [value * 1.5 for value in WAVE], "scored"),
        ("speed_limit", WAVE, "context"),
        ("outside_temp", [20] * 200, "context"),
        ("gear", [value % 5 for value in WAVE], "context"),
        ("heading", [value * 8 % 360 for value in WAVE], "shown"),
        ("altitude", WAVE, "shown"),
        ("odometer", [41_250_000 + number for number in range(200)], "shown"),
        ("engine_hours", [5000 + number / 60 for number in range(200)], "shown"),
        ("blip", list(range(200)), "shown"),
        ("coolant_temp", list(range(200)), "scored"),
        ("mystery", [3.5] * 200, "shown"),
        ("fuel_level", [55] * 200, "scored"),
        ("trip_id", [number // 50 for number in range(200)], "left out"),
        ("weather", ["rain", "fog"] * 100, "left out"),
        ("anomaly", [False, True] * 100, "left out"),
        ("isFault", [0, 1] * 100, "left out"),
        ("label", [0, 1] * 100, "left out"),
        ("anomalyType", [None, "overspeed"] * 100, "left out"),
        ("server_time", [START + number for number in range(200)], "left out"),
        ("nothing", [None] * 200, "left out"),
    ],
)
def test_the_role_of_a_field(name: str, values: list[Any], expected: str) -> None:
    assert role(with_field(name, values), name) == expected


@pytest.mark.parametrize(
    ("name", "values", "unit", "low", "high"),
    [
        ("speed_kmh", WAVE, "km/h", 0.0, 250.0),
        ("speed_mph", WAVE, "mph", 0.0, 155.0),
        ("engine_rpm", [value * 30 for value in WAVE], "1/min", 0.0, 9000.0),
        ("coolant_temp_c", WAVE, "°C", -40.0, 150.0),
        ("oilTempF", [value * 4 for value in WAVE], "°F", -40.0, 392.0),
        ("battery", [12 + value / 40 for value in WAVE], "V", 6.0, 16.0),
        ("battery", WAVE, "%", 0.0, 100.0),
        ("soc", WAVE, "%", 0.0, 100.0),
        ("voltage", [24 + value / 40 for value in WAVE], "V", 12.0, 32.0),
    ],
)
def test_unit_and_range_of_a_usual_signal(
    name: str, values: list[Any], unit: str, low: float, high: float
) -> None:
    signal = with_field(name, values)["signals"][name]
    assert (signal["unit"], signal["min"], signal["max"]) == (unit, low, high)


def test_the_range_of_an_unknown_signal_is_generous_and_round() -> None:
    signal = with_field("mystery", [value * 1.5 for value in WAVE])["signals"]["mystery"]
    assert (signal["min"], signal["max"]) == (40.0, 100.0)


def test_a_broken_value_does_not_make_the_range() -> None:
    values: list[Any] = [*WAVE[:-1], 4_294_967_294]
    signal = with_field("ambient", values)["signals"]["ambient"]
    assert signal["max"] < 100.0


def test_a_usual_signal_far_from_its_usual_range_is_said_to_be_unsure() -> None:
    records = [
        {"vin": "V1", **record, "throttle": value * 100} for record, value in zip(drive(), WAVE, strict=True)
    ]
    proposal = propose(sample_of(records))
    assert any("signals.throttle" in doubt for doubt in proposal.doubts)
    assert proposed(sample_of(records))["signals"]["throttle"]["max"] > 5200


@pytest.mark.parametrize(
    ("field", "value", "latitude", "longitude"),
    [
        ("location", [48.1, 11.5], "/location/0", "/location/1"),
        ("coordinates", [11.5, 48.1], "/coordinates/1", "/coordinates/0"),
        ("gps", {"lat": 48.1, "lon": 11.5}, "/gps/lat", "/gps/lon"),
        ("position", {"latitude": 48.1, "longitude": 11.5}, "/position/latitude", "/position/longitude"),
    ],
)
def test_positions_are_shown_on_the_map_and_not_scored(
    field: str, value: Any, latitude: str, longitude: str
) -> None:
    settings = proposed(sample_of([{"vin": "V1", **record, field: value} for record in drive()]))
    signals, page = settings["signals"], settings["page"]
    assert signals[page["latitude"]] == {
        "pointer": latitude, "unit": "°", "min": -90.0, "max": 90.0, "role": "position"
    }  # fmt: skip
    assert signals[page["longitude"]]["pointer"] == longitude
    assert signals[page["longitude"]]["role"] == "position"


def test_what_would_only_explain_is_a_target_if_there_is_nothing_to_explain() -> None:
    records = [{"vin": "V1", "ts": START + number, "gear": number % 5} for number in range(200)]
    assert [signal.get("role") for signal in proposed(sample_of(records))["signals"].values()] == [None]


def test_what_is_neither_scored_nor_a_position_is_ignored() -> None:
    signals = with_field("odometer", [41_250_000 + number for number in range(200)])["signals"]
    assert signals["odometer"]["role"] == "ignored"


def test_a_counter_of_events_is_the_sequence() -> None:
    records = [{"vin": "V1", "n": number, **record} for number, record in enumerate(drive())]
    settings = proposed(sample_of(records))
    assert settings["payload"]["sequence"] == "/n"
    assert "/n" not in pointers(settings) + pointers(settings, scored=False)


def test_what_is_left_out_is_named_with_its_reason() -> None:
    records = [{"vin": "V1", **record, "weather": "rain", "anomaly": False} for record in drive()]
    reasons = {each.pointer: each.why for each in propose(sample_of(records)).left_out}
    assert "text" in reasons["/weather"]
    assert "ground truth" in reasons["/anomaly"]


@pytest.mark.parametrize("name", ["vin", "vehicleId", "device_id", "car_reg_no", "IMEI", "ident", "plate"])
def test_a_field_that_is_called_so_names_the_vehicle(name: str) -> None:
    records = [
        {name: f"V{number % 4}", "vehicle_speed": 3.0, **record} for number, record in enumerate(drive())
    ]
    assert proposed(sample_of(records))["payload"]["vehicle_id"] == f"/{name}"


def test_an_id_of_the_event_does_not_name_the_vehicle() -> None:
    records = [{"id": f"event-{number}", **record} for number, record in enumerate(drive())]
    assert proposed(sample_of(records))["payload"]["vehicle_id"] == "topic"


def test_vehicles_without_an_id_for_some_events_are_said_to_be_unsure() -> None:
    records = [{"vin": "V1" if number % 20 else None, **record} for number, record in enumerate(drive())]
    assert any("dead letters" in doubt for doubt in propose(sample_of(records)).doubts)


def test_numbers_in_texts() -> None:
    texts = ["61.2", "1,234.5", "45 %", "61 km/h", "-3", "1e3", "true", "n/a", "V7", "2026-07-25", "12 345"]
    assert [number(text) for text in texts] == [
        61.2, 1234.5, 45.0, 61.0, -3.0, 1000.0, 1.0, None, None, None, 12345.0
    ]  # fmt: skip
    assert number("1.234,5", ",") == 1234.5


def test_the_decimal_mark_is_a_comma_only_where_nothing_else_fits() -> None:
    assert decimal_mark(["12,5", "0,0", "7"]) == ","
    assert decimal_mark(["12.5", "1,234"]) == "."
    assert decimal_mark(["1,234", "5,678"]) == "."
    settings = with_field("throttle", [f"{value},5" for value in WAVE])
    assert settings["payload"]["decimal"] == ","


def test_names_are_split_into_words() -> None:
    assert words("vehicleSpeed_kmh") == ("vehicle", "speed", "kmh")
    assert words("uploadTimeStamp") == ("upload", "time", "stamp")
    assert words("ENGINE_RPM") == ("engine", "rpm")
    assert words("can.engine.coolant.temperature") == ("can", "engine", "coolant", "temperature")


def test_signals_get_different_names() -> None:
    every = ["/a/temp", "/b/temp", "/speed", "/wheels/0", "/x_y", "/x/y", "/", "/a~1b"]
    names = signal_names(every)
    assert len(set(names.values())) == len(every)
    assert names["/a/temp"] == "a_temp"
    assert names["/speed"] == "speed"
    assert names["/wheels/0"] == "wheels_0"


def test_pointers_are_escaped() -> None:
    assert pointer_of(["a/b", "m~n"]) == "/a~1b/m~0n"
    assert tokens_of("/a~1b/m~0n") == ("a/b", "m~n")
