"""The keys of a signal: roles, limits and expressions, and which of them contradict each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.errors import SettingsError
from config.settings import Settings, SignalSettings, load
from config.signal_settings import Role


def loaded(directory: Path, text: str) -> Settings:
    file = directory / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return load(file)


def error_of(directory: Path, text: str) -> str:
    """The one line that loading raises, without the name of the file."""
    with pytest.raises(SettingsError) as caught:
        loaded(directory, text)
    message = str(caught.value)
    assert "\n" not in message
    return message.removeprefix(f"{directory / 'mine.toml'}: ")


CATALOGUE = """
[signals.speed]
[signals.limit]
role = "context"
[signals.latitude]
role = "position"
[signals.odometer]
role = "ignored"
[signals.over]
expression = "speed - limit"
"""


def test_targets_and_context_are_scored_in_the_order_of_the_catalogue_and_only_targets_blamed(
    tmp_path: Path,
) -> None:
    settings = loaded(tmp_path, CATALOGUE)
    assert settings.scored_signals == ["speed", "limit", "over"]
    assert settings.target_signals == ["speed", "over"]


@pytest.mark.parametrize(
    ("keys", "role"),
    [
        ("", "target"),
        ("scored = true", "target"),
        ("scored = false", "ignored"),
        ('scored = true\nrole = "context"', "context"),
        ('scored = false\nrole = "position"', "position"),
    ],
)
def test_the_key_scored_of_older_files_is_read_as_a_role(keys: str, role: Role, tmp_path: Path) -> None:
    settings = loaded(tmp_path, f"[signals.a]\n[signals.b]\n{keys}\n")
    assert settings.signals["b"].role == role
    assert settings.signals["b"].is_scored is (role in ("target", "context"))


def test_the_environment_can_say_scored_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET__SIGNALS__B__SCORED", "false")
    assert loaded(tmp_path, "[signals.a]\n[signals.b]\n").scored_signals == ["a"]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (
            'scored = true\nrole = "ignored"',
            "expected scored and role to agree, got scored = true and role = 'ignored'; remove scored",
        ),
        (
            'scored = false\nrole = "context"',
            "expected scored and role to agree, got scored = false and role = 'context'; remove scored",
        ),
        ("scored = []", "scored: expected true or false; or remove it, and set role"),
        ("low = 2\nhigh = 1", "expected low < high, got low = 2.0 and high = 1.0"),
        (
            "min = 0\nlow = -1",
            "expected low between min and max, got low = -1.0 and min = 0.0: values outside",
        ),
        (
            "max = 9\nhigh = 9",
            "expected high between min and max, got high = 9.0 and max = 9.0: values outside",
        ),
        ("min = 0\nhigh = -1", "expected high between min and max, got high = -1.0 and min = 0.0: "),
        ('pointer = "/x"\nexpression = "a * 2"', "expected expression without pointer, scale and offset, "),
        ('scale = 2\nexpression = "a * 2"', "expected expression without pointer, scale and offset, "),
        ('offset = 2\nexpression = "a * 2"', "expected expression without pointer, scale and offset, "),
        (
            'circular = true\nunit = "mil"',
            "circular: expected the unit of an angle ('°', 'deg', 'rad'), or min and max that are one turn "
            "apart, got unit = 'mil', min = None and max = None",
        ),
        ("circular = true\nmin = 0", "circular: expected the unit of an angle"),
        ("circular = true\nmin = 0\nmax = inf", "circular: expected the unit of an angle"),
        ('circular = true\nunit = "°"\nmin = -inf', "circular: expected the unit of an angle"),
    ],
)
def test_keys_that_contradict_each_other_are_one_line(keys: str, expected: str, tmp_path: Path) -> None:
    assert error_of(tmp_path, f"[signals.a]\n[signals.b]\n{keys}\n").startswith(f"signals.b: {expected}")


@pytest.mark.parametrize(
    "keys", ["low = nan", "high = inf", "least_deviation = -1", 'direction = "up"', 'role = "x"']
)
def test_a_wrong_value_names_its_key(keys: str, tmp_path: Path) -> None:
    key = keys.split(" ")[0]
    assert error_of(tmp_path, f"[signals.a]\n{keys}\n").startswith(f"signals.a.{key}: Input should be")


def test_limits_may_stand_alone_and_inside_the_plausible_range(tmp_path: Path) -> None:
    text = (
        '[signals.a]\nlow = 1\n[signals.b]\nmin = 0\nmax = 9\nlow = 0.1\nhigh = 8.9\n[signals.c]\nhigh = ""\n'
    )
    signals = loaded(tmp_path, text).signals
    assert [(signal.low, signal.high) for signal in signals.values()] == [
        (1.0, None),
        (0.1, 8.9),
        (None, None),
    ]


@pytest.mark.parametrize(
    ("keys", "turn"),
    [
        ('unit = "°"', (0.0, 360.0)),
        ('unit = "deg"\nmin = -180\nmax = 179.9', (-180.0, 360.0)),
        ('unit = "rad"', (0.0, 6.283185307179586)),
        ('unit = "h"\nmin = 0\nmax = 24', (0.0, 24.0)),
        ("min = -32\nmax = 32", (-32.0, 64.0)),
    ],
)
def test_the_turn_of_a_circular_signal_is_that_of_its_unit_or_its_range(
    keys: str, turn: tuple[float, float], tmp_path: Path
) -> None:
    assert loaded(tmp_path, f"[signals.a]\ncircular = true\n{keys}\n").signals["a"].turn == turn


def test_a_catalogue_needs_a_target(tmp_path: Path) -> None:
    message = error_of(tmp_path, '[signals.a]\nrole = "context"\n')
    assert message == 'signals: expected at least one signal with role = "target", got none'


def test_a_derived_signal_needs_no_pointer_and_a_measured_one_has_that_of_its_name(tmp_path: Path) -> None:
    signals = loaded(tmp_path, CATALOGUE).signals
    assert (signals["over"].is_derived, signals["over"].pointer) == (True, "")
    assert (signals["speed"].is_derived, signals["speed"].pointer) == (False, "/speed")


def test_a_signal_in_code_needs_a_pointer_or_an_expression() -> None:
    with pytest.raises(ValueError, match="expected a pointer or an expression, got neither"):
        SignalSettings(unit="km/h")


@pytest.mark.parametrize(
    ("expressions", "expected"),
    [
        (
            {"b": "a -"},
            "signals.b.expression: expected an expression such as 'speed - speed_limit', got 'a -'",
        ),
        ({"b": "c + 1"}, "signals.b.expression: expected the name of a signal (a, b), got 'c' in 'c + 1'"),
        ({"b": "b + a"}, "signals: expected expressions that do not use each other, got b -> b"),
        ({"b": "c + a", "c": "b"}, "signals: expected expressions that do not use each other, got "),
    ],
)
def test_a_wrong_expression_is_one_line_at_the_start(
    expressions: dict[str, str], expected: str, tmp_path: Path
) -> None:
    derived = "".join(f'[signals.{name}]\nexpression = "{text}"\n' for name, text in expressions.items())
    assert error_of(tmp_path, f"[signals.a]\n{derived}").startswith(expected)


def test_an_expression_in_the_environment_replaces_none_of_the_keys_of_a_measured_signal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FLEET__SIGNALS__RPM__EXPRESSION", "speed * 30")
    with pytest.raises(SettingsError, match=r"signals\.rpm: expected expression without pointer"):
        load()


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("speed = 0", "alerts.asleep: expected an expression such as "),
        ("sped == 0", "alerts.asleep: expected the name of a signal (speed, "),
        ("speed", "alerts.asleep: expected a condition such as 'speed == 0', got the number 'speed'"),
    ],
)
def test_a_wrong_condition_of_sleep_is_one_line_at_the_start(
    condition: str, expected: str, tmp_path: Path
) -> None:
    assert error_of(tmp_path, f'[alerts]\nasleep = "{condition}"\n').startswith(expected)


def test_a_condition_of_sleep_may_use_any_signal(tmp_path: Path) -> None:
    condition = "speed == 0 and not (speed_over_limit > latitude)"
    assert loaded(tmp_path, f'[alerts]\nasleep = "{condition}"\n').alerts.asleep == condition
