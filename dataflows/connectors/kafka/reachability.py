"""Whether a Kafka cluster can be reached, as far as its clients in this process have noticed."""

from __future__ import annotations

import time
from functools import cache

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer

from dataflows.connectors.kafka.client import error_text
from dataflows.connectors.kafka.log import logger
from dataflows.health import HEALTH

Client = Consumer | Producer

TO_ANSWER = 1.0
"""Seconds that a cluster which was away has to answer when health is asked for."""


FETCHED_BEFORE = 5.0
"""Seconds after the loss of a cluster in which messages may still come that were fetched before."""


class Reachability:
    """One for all clients of a cluster, since to ask for each of them would take seconds while it is away.

    librdkafka says when a client has lost all brokers, and not when one is back. So whoever asks after that
    makes a client ask the cluster.

    Args:
        bootstrap: addresses of the cluster; also the name of the connection.
    """

    def __init__(self, bootstrap: str) -> None:
        self._name = bootstrap
        self._clients: dict[int, tuple[Client, str]] = {}
        self._reason = ""
        self._lost_at = 0.0
        self._fields = {"broker": bootstrap}

    def join(self, client: Client, topic: str) -> None:
        """A client needs the cluster from now on, for a topic that exists."""
        self._clients[id(client)] = client, topic
        HEALTH.watch(self._name, self._trouble)

    def leave(self, client: Client) -> None:
        """A client is about to be closed."""
        self._clients.pop(id(client), None)
        if not self._clients:
            self._reason = ""
            HEALTH.forget(self._name)

    def note(self, error: KafkaError) -> None:
        """A client has reported an error."""
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            if not self._reason:
                logger.warning(
                    "lost the Kafka cluster at %s: %s", self._name, error.str(), extra=self._fields
                )
            self._reason = error.str()
            self._lost_at = time.monotonic()

    def delivers(self) -> None:
        """A client has got messages, perhaps some that had been fetched before the cluster was lost."""
        if self._reason and time.monotonic() - self._lost_at > FETCHED_BEFORE:
            self.answers()

    def answers(self) -> None:
        """The cluster has answered a client."""
        if self._reason:
            self._reason = ""
            logger.info("the Kafka cluster at %s answers again", self._name, extra=self._fields)

    def _trouble(self) -> str:
        clients = list(self._clients.values())
        if self._reason and clients:
            client, topic = clients[0]
            try:
                client.list_topics(topic, TO_ANSWER)
                self.answers()
            except (KafkaException, RuntimeError) as error:
                self._reason = error_text(error)
        return self._reason


@cache
def reachability_of(bootstrap: str) -> Reachability:
    """That of the cluster with these addresses."""
    return Reachability(bootstrap)
