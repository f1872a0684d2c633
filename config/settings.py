"""The typed settings of every program: TOML files, single keys overridden by the environment.

``config/fleet.toml`` holds every key with its default. The file named by the environment variable
``FLEET_CONFIG`` is laid over it and needs only what differs; its signal catalogue, if it has one,
replaces the default catalogue as a whole. ``FLEET__SECTION__KEY=value`` overrides one key. An
optional key is unset by the empty string, since TOML has no null. The models are frozen, refuse
unknown keys, and validate every value when they are read, so that a wrong setting is one line at
the start of a program and never a surprise an hour later.

What each key means stands beside it in ``config/fleet.toml``.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import jsonpointer
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings import (
    SettingsError as PydanticSettingsError,
)

from config.errors import SettingsError

DEFAULT_FILE = Path(__file__).with_name("fleet.toml")
FILE_VARIABLE = "FLEET_CONFIG"
ENVIRONMENT_PREFIX = "FLEET__"


def _json_pointer(text: str) -> str:
    try:
        parsed = jsonpointer.JsonPointer(text)
    except jsonpointer.JsonPointerException as error:
        raise ValueError(f"expected a JSON pointer such as '/speed': {error}") from None
    if not parsed.parts:
        raise ValueError("expected a JSON pointer such as '/speed', got the whole document ''")
    return text


def _empty_is_unset(value: Any) -> Any:
    return None if value == "" else value


UNSET = BeforeValidator(_empty_is_unset)
JsonPointer = Annotated[str, AfterValidator(_json_pointer)]
Port = Annotated[int, Field(ge=1, le=65535)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Section(BaseModel):
    """A frozen group of keys that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceSettings(Section):
    """Where telemetry comes from."""

    kind: Literal["mqtt", "kafka", "recording"]


class SinkSettings(Section):
    """Where enriched events and dead letters go."""

    kind: Literal["mqtt", "kafka", "recording"]


class TopicSettings(Section):
    """Names of the topics; `+` in `telemetry` stands for the vehicle."""

    telemetry: str = Field(min_length=1)
    enriched: str = Field(min_length=1)
    dead_letter: str = Field(min_length=1)
    ground_truth: str = Field(min_length=1)


class TlsSettings(Section):
    """Transport encryption; files are PEM."""

    enabled: bool
    ca_file: Annotated[Path | None, UNSET]
    certificate_file: Annotated[Path | None, UNSET]
    key_file: Annotated[Path | None, UNSET]


class MqttSettings(Section):
    """The MQTT broker and how to talk to it."""

    host: str = Field(min_length=1)
    port: Port
    protocol: Literal["5", "3.1.1"]
    client_id: str = Field(min_length=1)
    username: Annotated[str | None, UNSET]
    password: Annotated[SecretStr | None, UNSET]
    keepalive: PositiveInt
    session_expiry: NonNegativeInt
    queue_size: Annotated[int, Field(ge=1, le=65535)]
    batch_size: PositiveInt
    connect_timeout: PositiveFloat
    delivery_timeout: PositiveFloat
    reconnect_min: PositiveFloat
    reconnect_max: PositiveFloat
    tls: TlsSettings


class KafkaSettings(Section):
    """The Kafka cluster and how to talk to it; `config.kafka_options` turns it into what clients take."""

    bootstrap: str = Field(min_length=1)
    client_id: str = Field(min_length=1)
    group: str = Field(min_length=1)
    start: Literal["committed", "beginning", "end"]
    username: Annotated[str | None, UNSET]
    password: Annotated[SecretStr | None, UNSET]
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
    batch_size: PositiveInt
    connect_timeout: PositiveFloat
    delivery_timeout: PositiveFloat
    create_topics: bool
    partitions: PositiveInt
    replication: PositiveInt
    max_message_bytes: PositiveInt
    tls: TlsSettings
    librdkafka: dict[str, bool | int | float | str]


class RecordingSettings(Section):
    """Files that telemetry is played back from, recorded to, or results are written to."""

    input: Annotated[Path | None, UNSET]
    speed: PositiveFloat | Literal["max"]
    batch_size: PositiveInt
    output: Path
    results: Path


class PayloadSettings(Section):
    """Where the parts of an event are in a message."""

    layout: Literal["event", "list", "map"]
    vehicle_id: JsonPointer | Literal["topic", "key"]
    time: Annotated[JsonPointer | None, UNSET]
    time_format: Literal["iso8601", "epoch_s", "epoch_ms"]
    sequence: Annotated[JsonPointer | None, UNSET]
    max_bytes: PositiveInt

    @model_validator(mode="after")
    def _keys_exist_only_in_maps(self) -> PayloadSettings:
        if self.vehicle_id == "key" and self.layout != "map":
            raise ValueError(f"vehicle_id = 'key' needs layout = 'map', got layout = {self.layout!r}")
        return self


class DeadLetterSettings(Section):
    """How much bad input is diverted before the job stops."""

    max_share: Share
    window: PositiveInt
    max_run: PositiveInt


class SignalSettings(Section):
    """One signal of the catalogue."""

    pointer: JsonPointer
    unit: str = ""
    min: float | None = None
    max: float | None = None
    scored: bool = True

    @model_validator(mode="after")
    def _range_is_not_empty(self) -> SignalSettings:
        if self.min is not None and self.max is not None and self.min >= self.max:
            raise ValueError(f"expected min < max, got min = {self.min} and max = {self.max}")
        return self


class TermSettings(Section):
    """Weight of each term of the reconstruction error."""

    reconstruction: NonNegativeFloat
    activity: NonNegativeFloat
    restless: NonNegativeFloat
    z_energy: NonNegativeFloat
    change: NonNegativeFloat
    flat_line: NonNegativeFloat


RECONSTRUCTION = "reconstruction"


class DetectorSettings(Section):
    """The detector."""

    kind: Annotated[str, Field(pattern=r"^(reconstruction|river\.anomaly\.\w+)$")]
    river: dict[str, bool | int | float | str]

    shards: PositiveInt
    window: PositiveInt
    hold: NonNegativeFloat
    learn_every: PositiveInt
    memory: PositiveInt
    prior: PositiveFloat
    reconstructor: Literal["linear", "mlp"]
    ridge: PositiveFloat
    hidden: PositiveInt
    learning_rate: PositiveFloat
    steps: PositiveInt
    terms: TermSettings
    start_up: PositiveInt
    percentile: Annotated[float, Field(gt=0.0, lt=100.0)]
    false_alarms_per_day: Annotated[PositiveFloat | None, UNSET]
    threshold_memory: PositiveInt
    threshold_prior: PositiveFloat
    accept_after: NonNegativeFloat
    anomaly_weight: Share


class SimulatorSettings(Section):
    """The simulated fleet."""

    vehicles: PositiveInt
    rate: PositiveFloat
    seed: NonNegativeInt
    faults_per_hour: NonNegativeFloat
    latitude: Annotated[float, Field(ge=-85.0, le=85.0)]
    longitude: Annotated[float, Field(ge=-180.0, le=180.0)]


class PageSettings(Section):
    """The live page."""

    latitude: str
    longitude: str
    refresh: PositiveFloat
    history: PositiveInt
    stale_after: PositiveFloat


class Settings(BaseSettings):
    """Every setting of every program."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter="__",
    )

    source: SourceSettings
    sink: SinkSettings
    topics: TopicSettings
    mqtt: MqttSettings
    kafka: KafkaSettings
    recording: RecordingSettings
    payload: PayloadSettings
    dead_letters: DeadLetterSettings
    signals: Annotated[dict[str, SignalSettings], Field(min_length=1)]
    detector: DetectorSettings
    simulator: SimulatorSettings
    page: PageSettings

    @property
    def scored_signals(self) -> list[str]:
        """Names of the signals the detector sees, in the order of the catalogue."""
        return [name for name, signal in self.signals.items() if signal.scored]

    @model_validator(mode="after")
    def _something_is_scored(self) -> Settings:
        if not self.scored_signals:
            raise ValueError("signals: expected at least one signal with scored = true, got none")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file (which `load` passes as keyword arguments)."""
        return (env_settings, init_settings)


def load(file: Path | None = None) -> Settings:
    """Read the settings.

    Args:
        file: TOML file laid over ``config/fleet.toml``; ``None`` means the one named by ``FLEET_CONFIG``.

    Raises:
        SettingsError: the file is missing or not TOML, or a key is unknown, missing or wrong. The
            message names the key, what was expected and what came.
    """
    path = file or Path(os.environ.get(FILE_VARIABLE) or DEFAULT_FILE)
    _refuse_unknown_sections()
    values = _read(DEFAULT_FILE)
    if path.resolve() != DEFAULT_FILE.resolve():
        overlay = _read(path)
        if "signals" in overlay:
            values["signals"] = {}
        values = _overlay(values, overlay)
    try:
        return Settings(**values)
    except ValidationError as error:
        raise SettingsError(f"{path}: {'; '.join(map(_describe, error.errors()))}") from None
    except PydanticSettingsError as error:
        raise SettingsError(f"{path}: {error}; see the {ENVIRONMENT_PREFIX}* variables") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(
            f"cannot read the settings file {path}: {error.strerror or error}; "
            f"{FILE_VARIABLE} should name a TOML file such as config/fleet.toml"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: expected TOML: {error}") from None


def _overlay(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        both_are_tables = isinstance(value, dict) and isinstance(below.get(key), dict)
        merged[key] = _overlay(below[key], value) if both_are_tables else value
    return merged


def _refuse_unknown_sections() -> None:
    """pydantic-settings ignores a variable whose section it does not know; a typing error is one."""
    for variable in os.environ:
        if variable.upper().startswith(ENVIRONMENT_PREFIX):
            section = variable[len(ENVIRONMENT_PREFIX) :].split("__")[0].lower()
            if section not in Settings.model_fields:
                known = ", ".join(Settings.model_fields)
                raise SettingsError(f"{variable}: unknown section {section!r}, expected one of {known}")


def _describe(error: Any) -> str:
    key = ".".join(str(part) for part in error["loc"]) or "settings"
    match error["type"]:
        case "extra_forbidden":
            return f"{key}: unknown key; remove it or correct its name"
        case "missing":
            return f"{key}: missing; every key is in {DEFAULT_FILE.name} with a comment"
        case _:
            message = error["msg"].removeprefix("Value error, ")
            # The input of a check over several keys is all of them, passwords included.
            is_private = key.endswith("password") or isinstance(error["input"], dict | Section)
            return f"{key}: {message}" if is_private else f"{key}: {message}, got {error['input']!r}"
