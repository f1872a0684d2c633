"""Services that accept messages: those of Apprise, and standard output for a dry run.

A URL of Apprise may hold a password or a token, in any of its parts. So nothing that a library logs or raises
while it sends is passed on; a reason is put into words of our own.
"""

from __future__ import annotations

import logging
import re
import threading
from typing import Protocol

from apprise import Apprise, AppriseAsset, AppriseResult, NotifyBase, NotifyFormat, NotifyType

from config.alert_settings import NotifySettings
from config.errors import SettingsError
from dataflows.events import Severity
from dataflows.notification.message import Message

SENDER = "notify-"
"""Threads that send have names that begin with this."""

NOTIFY_TYPES: dict[Severity | None, NotifyType] = {
    None: NotifyType.SUCCESS,
    "warning": NotifyType.INFO,
    "minor": NotifyType.WARNING,
    "major": NotifyType.WARNING,
    "critical": NotifyType.FAILURE,
}
"""Severity of a message → what Apprise calls it; many services give it a colour."""

_STATUS = re.compile(r"\berror=(\d{3})\b")
_EXAMPLE = "mailtos://user:password@example.com?to=dispatch@example.com"


class Service(Protocol):
    """Something that accepts messages."""

    def send(self, message: Message) -> str | None:
        """Send a message, and wait until it is accepted.

        Returns:
            Why it was not, without any part of the URL; ``None`` if it was accepted.
        """
        ...


class AppriseService:
    """A service that Apprise knows.

    Args:
        channel: name of the channel, for errors.
        url: as Apprise takes it.

    Raises:
        SettingsError: Apprise cannot use the URL. The message has the name of the channel, and no part of
            the URL.
    """

    def __init__(self, channel: str, url: str) -> None:
        silence_libraries()
        # Without a thread pool of Apprise's own, which the interpreter would wait for when it exits.
        asset = AppriseAsset(app_id="Fleet", app_desc="Fleet alerts", async_mode=False, service_timeout=0)
        try:
            service = Apprise.instantiate(url, asset=asset)
        except Exception:  # whatever a plugin raises may name the URL
            service = None
        if not isinstance(service, NotifyBase):
            raise SettingsError(
                f"notify.channels.{channel}.url: expected one URL of a service that Apprise knows, such as "
                f"{_EXAMPLE}, got one that Apprise cannot use (not shown, since it may hold a password); "
                "docs/notifications.md has examples"
            )
        self._apprise = Apprise(service, asset=asset)

    def send(self, message: Message) -> str | None:
        try:
            result = self._apprise.notify(
                message.body,
                title=message.title,
                notify_type=NOTIFY_TYPES[message.severity],
                body_format=NotifyFormat.TEXT,
            )
            return None if result else _reason(result)
        except Exception as error:  # whatever a plugin raises may name the URL
            return f"it could not be sent ({type(error).__name__})"


class PrintingService:
    """Prints messages instead of sending them.

    Args:
        channel: that it stands for.
    """

    def __init__(self, channel: str) -> None:
        self._channel = channel

    def send(self, message: Message) -> str | None:
        body = "".join(f"    {line}".rstrip() + "\n" for line in message.body.splitlines())
        print(f"[{self._channel}] {message.title}\n{body}", flush=True)
        return None


def services_of(settings: NotifySettings) -> dict[str, Service]:
    """The service of each channel, by its name.

    Raises:
        SettingsError: there is no channel, or Apprise cannot use the URL of one.
    """
    if not settings.channels:
        raise SettingsError(
            "notify.channels: expected at least one channel, got none, so nobody would be told; set "
            f"FLEET__NOTIFY__CHANNELS__DISPATCH__URL={_EXAMPLE}; docs/notifications.md has more examples"
        )
    # A dry run shows what is wrong with a URL, too.
    services: dict[str, Service] = {
        name: AppriseService(name, channel.url.get_secret_value())
        for name, channel in settings.channels.items()
    }
    return {name: PrintingService(name) for name in services} if settings.dry_run else services


def silence_libraries() -> None:
    """Keep what Apprise and the libraries below it log out of the log of this process, at every level.

    Apprise hides passwords, but not tokens in paths, hosts and recipients; urllib3 logs whole paths.
    """
    for name in ("apprise", "urllib3", "requests", "requests_oauthlib", "oauthlib", "markdown"):
        library = logging.getLogger(name)
        library.propagate = False
        if not library.handlers:
            # Without any, warnings would go to standard error.
            library.addHandler(logging.NullHandler())
    # Other services have other libraries.
    for handler in logging.getLogger().handlers:
        if is_ours not in handler.filters:
            handler.addFilter(is_ours)


def is_ours(record: logging.LogRecord) -> bool:
    """Whether a record may be logged: not one of a library, from a thread that sends."""
    is_of_a_sender = threading.current_thread().name.startswith(SENDER)
    return not is_of_a_sender or record.name.startswith("dataflows.")


def _reason(result: AppriseResult) -> str:
    statuses = [found[1] for entry in result.logs() if (found := _STATUS.search(entry.message))]
    if statuses:
        return f"the service answered with the status {statuses[-1]}"
    return "the service could not be reached, or refused it"
