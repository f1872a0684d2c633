"""Opening clients of kafka-python."""

from __future__ import annotations

import threading

import pytest
from kafka import KafkaConsumer
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from config.kafka_python import noted_trouble, open_client
from scripts.brokers.ports import LOCALHOST, free_port


@pytest.mark.parametrize("kind", [KafkaConsumer, KafkaAdminClient])
def test_a_client_that_cannot_connect_leaves_no_thread_behind_and_says_why(kind: type) -> None:
    before = set(threading.enumerate())
    nowhere = f"{LOCALHOST}:{free_port()}"
    with noted_trouble() as trouble, pytest.raises(KafkaError):
        open_client(kind, bootstrap_servers=nowhere, bootstrap_timeout_ms=300)
    assert trouble.words == "Connection refused"
    assert not trouble.is_refusal
    assert {thread for thread in threading.enumerate() if thread.is_alive()} <= before
