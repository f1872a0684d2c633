"""Topics before they are used: the cluster is waited for, and missing topics are created or reported."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from uuid import UUID

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from config.broker_settings import KafkaSettings
from config.errors import BrokerError, SettingsError
from config.kafka_options import librdkafka_options
from config.settings import KAFKA_TOPIC
from dataflows.connectors.kafka.client import error_text, retry, wrong_option
from dataflows.connectors.kafka.log import FAILED

logger = logging.getLogger(__name__)

PATIENCE = 2.0
"""Seconds without an answer after which it is logged that we are waiting."""

SLICE = 0.5
"""Seconds: how soon a signal is noticed while we wait."""


def ensure_topics(
    settings: KafkaSettings, topics: Sequence[str], *, compacted: bool = False
) -> dict[str, str]:
    """Return when the cluster answers and has these topics.

    A topic that is missing is created with ``partitions``, ``replication`` and ``max_message_bytes`` if
    ``create_topics`` allows it. One that exists is not changed. Several processes may do this at once.

    Args:
        settings: the section ``[kafka]``.
        topics: their names.
        compacted: whether those that are created keep the latest message of each key.

    Returns:
        name → topic id, which tells a topic from a later one of the same name (KIP-516).

    Raises:
        SettingsError: a name is not valid for Kafka, or an option of ``[kafka.librdkafka]`` is wrong.
        BrokerError: the cluster did not answer within ``connect_timeout`` or refused us, or a topic is
            missing and may not, or cannot, be created.
    """
    names = list(dict.fromkeys(topics))
    for topic in names:
        if not KAFKA_TOPIC.fullmatch(topic):
            raise SettingsError(
                f"topics: expected a Kafka topic of letters, digits, '.', '_' and '-', got {topic!r}; "
                "see config/kafka.toml"
            )
    admin = _connected(settings)
    try:
        ids = retry(settings, lambda patience: _topic_ids(admin, names, patience))
        missing = [topic for topic in names if topic not in ids]
        if missing and not settings.create_topics:
            raise BrokerError(
                f"the Kafka cluster at {settings.bootstrap} has no topic {', '.join(missing)}; "
                "create it, correct [topics], or allow it with [kafka] create_topics = true"
            )
        if missing:
            _create(admin, settings, missing, compacted)
            ids |= retry(settings, lambda patience: _created_topic_ids(admin, missing, patience))
    except KafkaException as error:
        raise BrokerError(
            f"the Kafka cluster at {settings.bootstrap} did not describe or create the topics "
            f"{', '.join(names)}: {error_text(error)}; check the permissions of the user, and "
            "[kafka] replication"
        ) from None
    return ids


class _Trouble(logging.Handler):
    """Notes why the cluster cannot be reached.

    librdkafka reports some reasons, and only logs others, such as that the cluster closes the connection.
    """

    def __init__(self) -> None:
        super().__init__()
        self._refused = self._reported = self._logged = ""

    @property
    def text(self) -> str:
        """The reason that says most; empty without one."""
        return self._refused or self._reported or self._logged

    def report(self, error: KafkaError) -> None:
        """Called by librdkafka, within `poll`."""
        if error.code() in (KafkaError._AUTHENTICATION, KafkaError._SSL):
            self._refused = self._refused or _reason(error.str())
        elif error.code() != KafkaError._ALL_BROKERS_DOWN:
            self._reported = self._reported or _reason(error.str())

    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(record.args, tuple) and record.args[:1] == (FAILED,):
            # "[thread]: " comes first.
            self._logged = self._logged or _reason(str(record.args[-1]).partition("]: ")[2])


def _reason(text: str) -> str:
    """Of "host:port/bootstrap: reason (after 2ms in state CONNECT)"."""
    return text.partition(": ")[2].partition(" (after ")[0] or text


def _connected(settings: KafkaSettings) -> AdminClient:
    trouble = _Trouble()
    unseen = logging.Logger("topics")
    unseen.addHandler(trouble)
    try:
        options = librdkafka_options(settings, "topics")
        admin = AdminClient(options | {"error_cb": trouble.report}, logger=unseen)
    except KafkaException as error:
        raise wrong_option(error) from None
    limit, started, is_logged, reason = settings.connect_timeout, time.monotonic(), False, ""
    while (waited := time.monotonic() - started) < limit:
        try:
            admin.list_topics(timeout=min(limit - waited, SLICE))
        except KafkaException as error:
            admin.poll(0.0)
            reason = trouble.text or error_text(error)
        else:
            return admin
        if waited > PATIENCE and not is_logged:
            logger.warning("waiting up to %g s for the Kafka cluster at %s", limit, settings.bootstrap)
            is_logged = True
    raise BrokerError(
        f"the Kafka cluster at {settings.bootstrap} did not answer within {limit:g} s ({reason}); "
        "start it (`make kafka` starts one here), or correct bootstrap, user and tls in [kafka]"
    )


def _topic_ids(admin: AdminClient, topics: list[str], patience: float) -> dict[str, str]:
    """Name → id of those that exist."""
    ids = {}
    for name, future in admin.describe_topics(TopicCollection(topics), request_timeout=patience).items():
        try:
            found = future.result().topic_id
        except KafkaException as error:
            if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise
        else:
            ids[name] = _text(found.get_most_significant_bits(), found.get_least_significant_bits())
    return ids


def _created_topic_ids(admin: AdminClient, topics: list[str], patience: float) -> dict[str, str]:
    """Name → id of topics that have just been created.

    Raises:
        KafkaException: one of them is not known everywhere yet.
    """
    ids = _topic_ids(admin, topics, patience)
    if len(ids) < len(topics):
        raise KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
    return ids


def _create(admin: AdminClient, settings: KafkaSettings, topics: list[str], compacted: bool) -> None:
    configs = {"max.message.bytes": str(settings.max_message_bytes)}
    if compacted:
        configs["cleanup.policy"] = "compact"
    wanted = [NewTopic(topic, settings.partitions, settings.replication, config=configs) for topic in topics]
    for topic, future in admin.create_topics(wanted).items():
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
        else:
            count = settings.partitions
            logger.info("created the topic %s with %d partitions", topic, count, extra={"topic": topic})


def _text(most_significant: int, least_significant: int) -> str:
    """A topic id in the usual notation, which differs from that of Kafka's own tools."""
    mask = (1 << 64) - 1
    return str(UUID(int=(most_significant & mask) << 64 | least_significant & mask))
