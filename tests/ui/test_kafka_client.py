"""The page's client of kafka-python."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import pytest
from kafka.errors import KafkaConnectionError, KafkaError, SaslAuthenticationFailedError
from pydantic import SecretStr

from config.broker_settings import TlsSettings
from config.settings import DEFAULT_FILE, load
from scripts.brokers.ports import LOCALHOST, free_port
from ui.live.kafka_client import CONNECTIONS, HUNG_UP, Consumer, consumer_options, noted_trouble


def test_a_consumer_that_cannot_connect_leaves_no_thread_behind_and_says_why() -> None:
    before = set(threading.enumerate())
    nowhere = f"{LOCALHOST}:{free_port()}"
    with noted_trouble() as trouble, pytest.raises(KafkaError):
        Consumer(bootstrap_servers=nowhere, bootstrap_timeout_ms=300)
    assert trouble.text == "Connection refused"
    assert not trouble.is_refusal
    assert {thread for thread in threading.enumerate() if thread.is_alive()} <= before


def test_a_refusal_says_more_than_what_failed_before_or_after_it() -> None:
    hung_up, refused = KafkaConnectionError(HUNG_UP), SaslAuthenticationFailedError("invalid credentials")
    logger = logging.getLogger(CONNECTIONS)
    with noted_trouble() as trouble:
        logger.warning("no reason")
        assert trouble.text == ""
        logger.error("Connection failed: %s", hung_up)
        assert (trouble.text, trouble.is_refusal) == (HUNG_UP, False)
        logger.error("Connection failed: %s", refused)
        logger.error("Connection failed: %s", hung_up)
    logger.error("Connection failed: %s", hung_up)
    assert trouble.is_refusal
    assert trouble.text.endswith("invalid credentials")


def test_the_settings_are_passed_on() -> None:
    tls = TlsSettings(enabled=True, ca_file=Path("ca.pem"), certificate_file=None, key_file=None)
    settings = load(DEFAULT_FILE).kafka.model_copy(
        update={"bootstrap": "a:1, b:2", "username": "fleet", "password": SecretStr("secret"), "tls": tls}
    )
    assert consumer_options(settings, "page") == {
        "bootstrap_servers": ["a:1", "b:2"],
        "client_id": "fleet-page",
        "security_protocol": "SASL_SSL",
        "reconnect_backoff_max_ms": 1000,
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "fleet",
        "sasl_plain_password": "secret",
        "ssl_cafile": "ca.pem",
    }
