"""The typed settings of every program: TOML files, with single keys overridden by environment variables.

``config/fleet.toml`` holds every key with its default and a comment that describes it. The file named by
``FLEET_CONFIG`` is merged over it and needs only the keys that differ; if it has a signal catalogue, that
replaces the default catalogue. ``FLEET__SECTION__KEY=value`` overrides one key. TOML has no null, so an
empty string unsets an optional key.

The models are frozen, reject unknown keys and validate every value when they are loaded: a wrong setting
is one line when a program starts, not a failure an hour later.
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
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

from config.alert_settings import AlertSettings, NotifySettings
from config.broker_settings import KafkaSettings, MqttSettings
from config.errors import SettingsError
from config.history_settings import HistorySettings
from config.logging_settings import LoggingSettings
from config.monitoring_settings import MonitoringSettings
from config.page_settings import PageSettings as PageSettings
from config.payload_settings import PayloadSettings as PayloadSettings
from config.rollup_settings import RollupSettings
from config.section import UNSET, Section, Share
from config.setting_errors import described
from config.signal_settings import SCORED_ROLES as SCORED_ROLES
from config.signal_settings import Catalogue, check_catalogue, check_condition
from config.signal_settings import Role as Role
from config.signal_settings import SignalSettings as SignalSettings
from config.simulator_settings import SimulatorSettings as SimulatorSettings
from config.telemetry_checks import check_series, check_telemetry
from config.topic_template import TopicTemplate

DEFAULT_FILE = Path(__file__).with_name("fleet.toml")
FILE_VARIABLE = "FLEET_CONFIG"
ENVIRONMENT_PREFIX = "FLEET__"

KAFKA_TOPIC = re.compile(r"(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}")


class SourceSettings(Section):
    """Where telemetry comes from."""

    kind: Literal["mqtt", "kafka", "recording"]


class SinkSettings(Section):
    """Where enriched events and dead letters go."""

    kind: Literal["mqtt", "kafka", "recording"]


def _topic_template(text: str) -> str:
    TopicTemplate(text)
    return text


class TopicSettings(Section):
    """Names of the topics; `telemetry` is a `TopicTemplate`.

    From `alerts` on, names are written as in MQTT; `Settings.alerts_topic` and the properties beside it are
    their names on the broker in use.
    """

    telemetry: Annotated[str, Field(min_length=1), AfterValidator(_topic_template)]
    enriched: str = Field(min_length=1)
    dead_letter: str = Field(min_length=1)
    ground_truth: str = Field(min_length=1)
    alerts: str = Field(min_length=1)
    alert_actions: str = Field(min_length=1)
    rollups: str = Field(min_length=1)
    late: str = Field(min_length=1)
    command: str = Field(min_length=1)
    audit: str = Field(min_length=1)

    @property
    def telemetry_template(self) -> TopicTemplate:
        """The topic of the telemetry, to read vehicles and signals from topics and to subscribe."""
        return TopicTemplate(self.telemetry)


class RecordingSettings(Section):
    """Files that telemetry is replayed from and recorded to, and that results are written to."""

    input: Annotated[Path | None, UNSET]
    speed: PositiveFloat | Literal["max"]
    batch_size: PositiveInt
    output: Annotated[Path | None, UNSET]
    results: Path


class DeadLetterSettings(Section):
    """How many undecodable events are diverted before the job stops."""

    max_share: Share
    window: PositiveInt
    max_run: PositiveInt


class TermSettings(Section):
    """Weight of each term in the reconstruction error."""

    reconstruction: NonNegativeFloat
    activity: NonNegativeFloat
    restless: NonNegativeFloat
    z_energy: NonNegativeFloat
    flat_line: NonNegativeFloat


RECONSTRUCTION = "reconstruction"


class DetectorSettings(Section):
    """The detector: what it knows, learns and flags; described in ``docs/detector.md``."""

    kind: Annotated[str, Field(pattern=r"^(reconstruction|river\.anomaly\.\w+)$")]
    river: dict[str, bool | int | float | str]

    shards: PositiveInt
    vehicles: PositiveInt
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


class _FromEnvironment(BaseSettings):
    """Settings of a file, with single keys overridden by environment variables."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter="__"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment variables override the file, which `load` passes as keyword arguments."""
        return (env_settings, init_settings)


class Settings(_FromEnvironment):
    """Every setting of every program."""

    source: SourceSettings
    sink: SinkSettings
    topics: TopicSettings
    mqtt: MqttSettings
    kafka: KafkaSettings
    recording: RecordingSettings
    history: HistorySettings
    payload: PayloadSettings
    dead_letters: DeadLetterSettings
    signals: Catalogue
    detector: DetectorSettings
    alerts: AlertSettings
    notify: NotifySettings
    rollups: RollupSettings
    monitoring: MonitoringSettings
    logging: LoggingSettings
    simulator: SimulatorSettings
    page: PageSettings

    @property
    def scored_signals(self) -> list[str]:
        """Names of the targets and the context signals, in the order of the catalogue."""
        return [name for name, signal in self.signals.items() if signal.is_scored]

    @property
    def target_signals(self) -> list[str]:
        """Names of the signals that can be to blame for an anomaly, in the order of the catalogue."""
        return [name for name, signal in self.signals.items() if signal.role == "target"]

    @property
    def alerts_topic(self) -> str:
        """Topic of the alerts; over MQTT, the prefix of their topics."""
        return self._topic(self.topics.alerts)

    @property
    def actions_topic(self) -> str:
        """Topic of what people do about alerts."""
        return self._topic(self.topics.alert_actions)

    @property
    def rollups_topic(self) -> str:
        """Topic of the rollups; over MQTT, the prefix of their topics."""
        return self._topic(self.topics.rollups)

    @property
    def late_topic(self) -> str:
        """Topic of events that came too late for their rollup."""
        return self._topic(self.topics.late)

    @property
    def audit_topic(self) -> str:
        """Topic of who logged in to the page."""
        return self._topic(self.topics.audit)

    @property
    def command_topic(self) -> str:
        """Topic of commands, where telemetry comes from; over MQTT also the prefix of each vehicle's."""
        return self.topics.command.replace("/", ".") if self.source.kind == "kafka" else self.topics.command

    @property
    def command_answers_topic(self) -> str:
        """Topic of what became of commands, where telemetry comes from."""
        return f"{self.command_topic}{'.' if self.source.kind == 'kafka' else '/'}ack"

    def _topic(self, name: str) -> str:
        # Kafka's names have no slash.
        return name.replace("/", ".") if self.sink.kind == "kafka" else name

    @property
    def telemetry_broker(self) -> str:
        """Address of the telemetry broker, for messages; MQTT's if telemetry comes from a recording."""
        return self._broker(self.source.kind)

    @property
    def enriched_broker(self) -> str:
        """Address of the enriched events' broker, for messages; MQTT's if they go to a recording."""
        return self._broker(self.sink.kind)

    def _broker(self, kind: str) -> str:
        return self.kafka.bootstrap if kind == "kafka" else f"{self.mqtt.host}:{self.mqtt.port}"

    @model_validator(mode="after")
    def _topics_are_valid_in_kafka(self) -> Settings:
        # Only the simulator uses the ground-truth topic; it is checked when that creates it.
        kinds = {"telemetry": self.source.kind, "enriched": self.sink.kind, "dead_letter": self.sink.kind}
        topics = {name: (getattr(self.topics, name), kind) for name, kind in kinds.items()}
        topics["alerts"] = self.alerts_topic, self.sink.kind
        topics["alert_actions"] = self.actions_topic, self.sink.kind
        topics["rollups"] = self.rollups_topic, self.sink.kind
        topics["late"] = self.late_topic, self.sink.kind
        topics["audit"] = self.audit_topic, self.sink.kind
        topics["command"] = self.command_topic, self.source.kind
        for name, (topic, kind) in topics.items():
            if kind == "kafka" and not KAFKA_TOPIC.fullmatch(topic):
                raise ValueError(
                    f"topics.{name}: expected a Kafka topic of letters, digits, '.', '_' and '-', "
                    f"got {topic!r}; see config/kafka.toml"
                )
        return self

    @model_validator(mode="after")
    def _topic_and_payload_agree(self) -> Settings:
        check_telemetry(self.topics.telemetry_template, self.payload, self.source.kind)
        measured = [signal for signal in self.signals.values() if not signal.is_derived]
        check_series(self.payload, [signal.pointer for signal in measured])
        return self

    @model_validator(mode="after")
    def _catalogue_is_consistent(self) -> Settings:
        check_catalogue(self.signals)
        if self.alerts.asleep is not None:
            try:
                check_condition(self.alerts.asleep, self.signals)
            except ValueError as error:
                raise ValueError(f"alerts.asleep: {error}") from None
        return self


def load(file: Path | None = None) -> Settings:
    """Load the settings.

    Args:
        file: TOML file merged over ``config/fleet.toml``; ``None`` means the one that ``FLEET_CONFIG`` names.

    Raises:
        SettingsError: the file is missing or not TOML, or a key is unknown, missing or invalid. The message
            names the key, what was expected and what was found.
    """
    path = file or _file()
    _refuse_unknown_sections()
    values = _values(path)
    try:
        return Settings(**values)
    except ValidationError as error:
        raise SettingsError(f"{path}: {'; '.join(map(described, error.errors()))}") from None
    except PydanticSettingsError as error:
        raise SettingsError(
            f"{path}: {error}; check the {ENVIRONMENT_PREFIX}* environment variables"
        ) from None


def logging_in_force() -> LoggingSettings:
    """The section ``[logging]``, whatever is wrong elsewhere; its defaults if it is wrong itself.

    A program needs it before it can report what is wrong, which `load` finds. The environment counts without
    a file that can be read, too.
    """

    class OnlyLogging(_FromEnvironment):
        model_config = SettingsConfigDict(extra="ignore")

        logging: LoggingSettings

    try:
        section = _values(_file()).get("logging", {})
    except SettingsError:
        section = {}
    try:
        return OnlyLogging(logging=section).logging
    except (ValidationError, PydanticSettingsError):
        return LoggingSettings()


def _file() -> Path:
    return Path(os.environ.get(FILE_VARIABLE) or DEFAULT_FILE)


def _values(path: Path) -> dict[str, Any]:
    """What a file says, over the defaults."""
    values = _read(DEFAULT_FILE)
    if path.resolve() == DEFAULT_FILE.resolve():
        return values
    overlay = _read(path)
    if "signals" in overlay:
        values["signals"] = {}
    return _overlay(values, overlay)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(
            f"cannot read the settings file {path}: {error.strerror or error}; "
            f"set {FILE_VARIABLE} to a TOML file such as config/fleet.toml"
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
    """Refuse variables of unknown sections, which pydantic-settings would ignore: they are typing errors."""
    for variable in os.environ:
        if variable.upper().startswith(ENVIRONMENT_PREFIX):
            section = variable[len(ENVIRONMENT_PREFIX) :].split("__")[0].lower()
            if section not in Settings.model_fields:
                known = ", ".join(Settings.model_fields)
                raise SettingsError(f"{variable}: unknown section {section!r}, expected one of {known}")
