"""The section ``[page]``: what the live page shows, who may see it, and who may do what there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt, SecretStr, model_validator

from config.section import UNSET, JsonPointer, Section

Role = Literal["viewer", "dispatcher", "operator"]
"""A viewer looks; a dispatcher also acts on alerts; an operator also sends commands to vehicles."""

ROLES: tuple[Role, ...] = ("viewer", "dispatcher", "operator")
"""Each may do what those before it may."""


BASE_MAPS = (".geojson", ".json", ".pmtiles")
"""Suffixes of files that the page's map can be drawn on."""


def _address_of_metrics(text: str) -> str:
    if not re.match(r"https?://[^@]+$", text):
        raise ValueError("expected an address such as http://127.0.0.1:9464/metrics, without a password")
    return text


class BrokerUser(Section):
    """With whose rights the page publishes; unset, it does with those that it reads with."""

    username: Annotated[str | None, UNSET]
    password: Annotated[SecretStr | None, UNSET]

    @model_validator(mode="after")
    def _a_user_has_a_password(self) -> BrokerUser:
        if (self.username is None) != (self.password is None):
            raise ValueError(
                "expected both a username and a password, or neither; set the password in the environment: "
                "FLEET__PAGE__DISPATCHER__PASSWORD or FLEET__PAGE__OPERATOR__PASSWORD"
            )
        return self


class LoginSettings(Section):
    """Who may log in to the page; described in ``docs/security.md``.

    Attributes:
        users: file of users with passwords, which ``python -m ui.login`` writes; ``None`` for none.
        session: seconds after which a login ends.
        name: JSON pointer to the claim that names the person; this and what follows is for OpenID Connect.
        roles: JSON pointer to the claim with roles or groups; ``None`` for none.
        dispatchers, operators: names, or values of that claim, of those who have this role.
        default_role: of everybody else who logs in there; ``None`` refuses them.
    """

    users: Annotated[Path | None, UNSET]
    session: Annotated[float, Field(ge=1.0, le=604_800.0)]
    name: JsonPointer
    roles: Annotated[JsonPointer | None, UNSET]
    dispatchers: tuple[str, ...]
    operators: tuple[str, ...]
    default_role: Annotated[Role | None, UNSET]


def _base_map(file: Path | None) -> Path | None:
    if file is not None and file.suffix.lower() not in BASE_MAPS:
        raise ValueError(f"expected a file that ends in {', '.join(BASE_MAPS)}, got {file}")
    return file


class PageSettings(Section):
    """The live page.

    Attributes:
        latitude, longitude: signals with the position.
        refresh: seconds between updates.
        history: events kept per vehicle for the charts.
        stale_after: seconds without an event after which a vehicle, or the stream, is silent.
        metrics: addresses of the Prometheus metrics of the processes of the job.
        base_map: file of roads or tiles that the map is drawn on; ``None`` for a grid.
        recordings: directory with files of scored events that can be replayed; ``None`` offers none.
        demo: whether it shows what the simulator did, from `topics.ground_truth`.
        open: whether it may listen on other addresses than this machine's without a login.
        login: who may log in.
        dispatcher: the broker's user with whose rights actions are published.
        operator: the broker's user with whose rights commands are published.
    """

    latitude: str
    longitude: str
    refresh: PositiveFloat
    history: PositiveInt
    stale_after: PositiveFloat
    metrics: tuple[Annotated[str, AfterValidator(_address_of_metrics)], ...] = ()
    base_map: Annotated[Path | None, AfterValidator(_base_map), UNSET] = None
    recordings: Annotated[Path | None, UNSET]
    demo: bool
    open: bool
    login: LoginSettings
    dispatcher: BrokerUser
    operator: BrokerUser
