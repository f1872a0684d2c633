"""Topics before they are used: the cluster is waited for, and what is missing is created or named."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError

from config.broker_settings import KafkaSettings
from config.errors import BrokerError, SettingsError
from config.kafka_options import kafka_python_options
from config.kafka_python import noted_trouble, open_client, words
from config.settings import KAFKA_TOPIC

logger = logging.getLogger(__name__)

PATIENCE = 2.0
"""Seconds without an answer after which we say that we are waiting."""


def ensure_topics(settings: KafkaSettings, topics: Sequence[str]) -> dict[str, str]:
    """Return when the cluster answers and has these topics.

    A topic that is missing is created with ``partitions``, ``replication`` and ``max_message_bytes`` if
    ``create_topics`` allows it. One that exists stays as it is. Several processes may do this at once.

    Args:
        settings: the section ``[kafka]``.
        topics: their names.

    Returns:
        name → id of each, by which a topic is told from one of the same name that was made anew (KIP-516).

    Raises:
        SettingsError: Kafka cannot name a topic so.
        BrokerError: the cluster did not answer within ``connect_timeout`` or refused us, or a topic is
            missing and may not, or cannot, be created.
    """
    for topic in topics:
        if not KAFKA_TOPIC.fullmatch(topic):
            raise SettingsError(
                f"topics: expected a Kafka topic of letters, digits, '.', '_' and '-', got {topic!r}; "
                "see config/kafka.toml"
            )
    admin = _connected(settings)
    try:
        missing = [topic for topic in dict.fromkeys(topics) if topic not in admin.list_topics()]
        if missing and not settings.create_topics:
            raise BrokerError(
                f"the Kafka cluster at {settings.bootstrap} has no topic {', '.join(missing)}; "
                "create it, correct [topics], or allow it with [kafka] create_topics = true"
            )
        for topic in missing:
            _create(admin, settings, topic)
        return {known["name"]: str(known["topic_id"]) for known in admin.describe_topics(list(topics))}
    except KafkaError as error:
        raise BrokerError(
            f"the Kafka cluster at {settings.bootstrap} did not let us look at or create the topics "
            f"{', '.join(topics)}: {words(error)}; check the rights of the user, and [kafka] replication"
        ) from None
    finally:
        admin.close()


def _connected(settings: KafkaSettings) -> KafkaAdminClient:
    limit = settings.connect_timeout
    with noted_trouble() as trouble:
        try:
            return _connect(settings, min(PATIENCE, limit))
        except KafkaError:
            logger.warning("waiting up to %g s for the Kafka cluster at %s", limit, settings.bootstrap)
        try:
            return _connect(settings, max(limit - PATIENCE, 0.1))
        except KafkaError as error:
            raise BrokerError(
                f"the Kafka cluster at {settings.bootstrap} did not answer within {limit:g} s "
                f"({trouble.words or words(error)}); start it (`make kafka` starts one here), or correct "
                "bootstrap, user and tls in [kafka]"
            ) from None


def _connect(settings: KafkaSettings, patience: float) -> KafkaAdminClient:
    options = kafka_python_options(settings, "topics")
    return open_client(KafkaAdminClient, **options, bootstrap_timeout_ms=round(patience * 1000))


def _create(admin: KafkaAdminClient, settings: KafkaSettings, topic: str) -> None:
    options = {
        "num_partitions": settings.partitions,
        "replication_factor": settings.replication,
        "configs": {"max.message.bytes": str(settings.max_message_bytes)},
    }
    try:
        admin.create_topics({topic: options}, wait_for_metadata=True)
    except TopicAlreadyExistsError:
        admin.wait_for_topics([topic])
        return
    logger.info("created the topic %s with %d partitions", topic, settings.partitions)
