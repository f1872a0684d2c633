"""At the shipped broker with passwords, a page can do what its users of the broker may, and no more."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from pydantic import SecretStr

from config.broker_settings import MqttSettings
from config.page_settings import BrokerUser
from config.settings import load
from dataflows.events import AlertAction, Command
from scripts.brokers.secured_mosquitto import SecuredMosquitto
from tests.support.secured_broker import EncryptedInbox, answers_to, secured_mosquitto
from ui.actions.mqtt_actions import MqttActions
from ui.commands.publishers import MqttCommands

WRITTEN = ("Success", "No matching subscribers")


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredMosquitto]:
    """The secured broker of these tests, where mosquitto is installed. Not to be stopped."""
    with secured_mosquitto(tmp_path_factory.mktemp("secured"), ["VEH-1", "VEH-2"]) as running:
        yield running


def test_actions_come_from_the_pages_dispatcher_and_from_no_other_user(secured: SecuredMosquitto) -> None:
    action = AlertAction(action="acknowledge", by="Kim", alert_id="x")

    def answer_to(mqtt: MqttSettings, user: str = "") -> list[str]:
        base = load()
        dispatcher = base.page.dispatcher
        if user:
            dispatcher = BrokerUser(username=user, password=SecretStr(secured.passwords[user]))
        page = base.page.model_copy(update={"dispatcher": dispatcher})
        return MqttActions(base.model_copy(update={"mqtt": mqtt, "page": page})).publish([("x", action)])

    with EncryptedInbox(secured.service("dataflow"), "fleet/alert-actions") as inbox:
        for other in set(secured.passwords) - {"page-dispatcher"}:
            assert answer_to(secured.service(other)) == ["Not authorized"], other
        assert answer_to(secured.service("page"), "page-operator") == ["Not authorized"]
        assert answer_to(secured.service("page"), "page-dispatcher") == [""]
        inbox.wait_for(1)
        inbox.catch_up()
    assert [msgspec.json.decode(payload, type=AlertAction) for _, payload in inbox.messages] == [action]


def test_commands_come_from_the_pages_operator_and_from_no_other_user(secured: SecuredMosquitto) -> None:
    topics = ["fleet/command", "fleet/command/VEH-1", "fleet/command/VEH-2"]
    others = set(secured.passwords) - {"page-operator"}
    with EncryptedInbox(secured.vehicle("VEH-1"), "fleet/command/#") as inbox:
        for other in others:
            answers = answers_to(secured.service(other), [(topic, other.encode()) for topic in topics])
            assert answers == ["Not authorized"] * 3, other
        answers = answers_to(secured.service("page-operator"), [(topic, b"stop") for topic in topics])
        assert set(answers) <= set(WRITTEN)
        inbox.catch_up()
    assert inbox.messages == [("fleet/command", b"stop"), ("fleet/command/VEH-1", b"stop")]


def test_the_page_commands_with_the_rights_of_its_operator_only(secured: SecuredMosquitto) -> None:
    base = load().model_copy(update={"mqtt": secured.service("page")})

    def answer_to(user: str) -> str:
        rights = BrokerUser(username=user, password=SecretStr(secured.passwords[user]))
        page = base.page.model_copy(update={"operator": rights})
        commands = MqttCommands(base.model_copy(update={"page": page}))
        return commands.publish("VEH-1", Command(id=user, name="stop", by="Kim"))

    with EncryptedInbox(secured.vehicle("VEH-1"), "fleet/command/#") as inbox:
        assert MqttCommands(base).publish("VEH-1", Command(id="c", name="stop")) == "Not authorized"
        assert answer_to("page-dispatcher") == "Not authorized"
        assert answer_to("page-operator") == ""
        (payload,) = inbox.wait_for(1)
    assert msgspec.json.decode(payload, type=Command).id == "page-operator"


def test_nothing_that_is_forged_with_the_passwords_of_a_page_for_viewers_is_delivered(
    secured: SecuredMosquitto,
) -> None:
    """The forger knows what the reading page knows, and even what the one for dispatchers knows."""
    action, command = b'{"action": "acknowledge", "by": "Kim", "alert_id": "x"}', b"stop"
    sent = [("fleet/alert-actions", action), ("fleet/command", command), ("fleet/command/VEH-1", command)]
    with (
        EncryptedInbox(secured.service("dataflow"), "fleet/alert-actions") as job,
        EncryptedInbox(secured.vehicle("VEH-1"), "fleet/command/#") as vehicle,
    ):
        assert answers_to(secured.service("page"), sent) == ["Not authorized"] * 3
        job.catch_up()
        vehicle.catch_up()
        assert (job.messages, vehicle.messages) == ([], [])
        answers = answers_to(secured.service("page-dispatcher"), sent)
        assert answers == ["Success", "Not authorized", "Not authorized"]
        job.wait_for(1)
        vehicle.catch_up()
    assert (job.messages, vehicle.messages) == ([("fleet/alert-actions", action)], [])
