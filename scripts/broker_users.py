"""Users of the broker: a password file for mosquitto, with a new random password for each user.

The passwords are printed once, as lines ``user password``, and stored nowhere: the file holds only their
hashes. With ``--environment`` those of roles are written to files for their programs instead. A running
broker reads the password file again on SIGHUP.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from config.errors import SettingsError, exit_on_error

FILE = Path(".broker/passwords")
ROLES = ("dataflow", "page", "page-dispatcher", "page-operator", "simulator", "recorder", "notify")
"""The users that ``config/mosquitto.acl`` knows by name."""

ANSWERS = "ack"
"""The level below the topic of commands on which vehicles answer: no vehicle can have this name."""

_VALID = re.compile(r"[^\x00-\x20\x7f-\x9f:+#/]{1,256}")
_SECTIONS = {"page-dispatcher": "PAGE__DISPATCHER", "page-operator": "PAGE__OPERATOR"}
"""Roles whose user is not that of ``[mqtt]``."""

_ITERATIONS = 101
"""The default of mosquitto. More would slow down every connection, and random passwords need no more."""


def check_vehicle(name: str) -> str:
    """A vehicle id that can be the name of a user.

    Raises:
        SettingsError: it is the name of a role or that of the topic of answers, or cannot be one level of a
            topic: the broker grants nothing to a user with ``+``, ``#`` or ``/`` in the name.
    """
    if name in ROLES:
        raise SettingsError(f"expected a vehicle id, got {name!r}, which is the name of a role; see --roles")
    if name == ANSWERS:
        raise SettingsError(
            f"expected a vehicle id, got {name!r}: commands to this vehicle would go to the topic on which "
            "vehicles answer; give it another id"
        )
    if not _VALID.fullmatch(name) or not name.isprintable():
        raise SettingsError(
            f"expected a vehicle id of at most 256 characters without spaces, control characters and :+#/, "
            f"got {name!r}"
        )
    return name


def add_users(file: Path, users: Sequence[str]) -> dict[str, str]:
    """Give every user a new random password; other users in the file keep theirs.

    Args:
        file: mosquitto's password file; if missing, it is created readable for its owner only.
        users: names.

    Returns:
        user → password.

    Raises:
        SettingsError: the file cannot be read or written, or is not a password file.
    """
    passwords = {user: secrets.token_urlsafe(18) for user in users}
    write_users(file, passwords)
    return passwords


def write_users(file: Path, passwords: Mapping[str, str]) -> None:
    """Set passwords, user → password, in mosquitto's password file; otherwise like `add_users`."""
    try:
        entries = _entries(file) | {user: _hashed(password) for user, password in passwords.items()}
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = file.with_name(f"{file.name}.new")
        unfinished.unlink(missing_ok=True)
        unfinished.touch(mode=0o600, exist_ok=False)
        unfinished.write_text("".join(f"{user}:{entry}\n" for user, entry in entries.items()), "utf-8")
        unfinished.replace(file)
    except (OSError, UnicodeError) as error:
        raise SettingsError(f"cannot write {file}: {getattr(error, 'strerror', None) or error}") from None


def write_environments(directory: Path, passwords: Mapping[str, str]) -> None:
    """Write ``ROLE.env`` for each role: the variables that tell a program its user and password.

    Args:
        directory: where; the files are readable for their owner only.
        passwords: role → password.

    Raises:
        SettingsError: a file cannot be written.
    """
    for role, password in passwords.items():
        section = _SECTIONS.get(role, "MQTT")
        file = directory / f"{role}.env"
        try:
            file.unlink(missing_ok=True)
            file.touch(mode=0o600, exist_ok=False)
            file.write_text(
                f"FLEET__{section}__USERNAME={role}\nFLEET__{section}__PASSWORD={password}\n", "utf-8"
            )
        except OSError as error:
            raise SettingsError(f"cannot write {file}: {error.strerror}") from None


def _entries(file: Path) -> dict[str, str]:
    if not file.exists():
        return {}
    lines = file.read_text("utf-8").splitlines()
    entries = {}
    for number, line in enumerate(lines, 1):
        user, colon, entry = line.partition(":")
        if not colon or not entry.startswith("$"):
            raise SettingsError(f"{file}:{number}: expected a line USER:HASH, as mosquitto_passwd writes it")
        entries[user] = entry
    return entries


def _hashed(password: str) -> str:
    """The format of mosquitto 2: ``$7$iterations$salt$hash``, PBKDF2 with SHA-512."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS, 64)
    encoded = (base64.b64encode(part).decode() for part in (salt, digest))
    return "$".join(("", "7", str(_ITERATIONS), *encoded))


def main(arguments: Sequence[str] | None = None) -> None:
    """Add users and print their passwords."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.broker_users",
        description=__doc__,
        epilog="examples:\n"
        "  python -m scripts.broker_users --roles\n"
        "  python -m scripts.broker_users --roles --environment\n"
        "  python -m scripts.broker_users --vehicle VEH-0001 --vehicle VEH-0002",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--roles", action="store_true", help=f"add all of {', '.join(ROLES)}")
    parser.add_argument(
        "--role", action="append", default=[], choices=ROLES, help="add this role; may be repeated"
    )
    parser.add_argument(
        "--vehicle", action="append", default=[], metavar="ID", help="add this vehicle; may be repeated"
    )
    parser.add_argument(
        "--file", type=Path, default=FILE, metavar="FILE", help="password file (default: %(default)s)"
    )
    parser.add_argument(
        "--environment",
        action="store_true",
        help="write the passwords of roles to ROLE.env beside that file, as docker-compose.yml reads them, "
        "and print none of them",
    )
    options = parser.parse_args(arguments)
    roles = ROLES if options.roles else options.role
    if not roles and not options.vehicle:
        parser.error("expected --roles, --role or --vehicle, got none")
    with exit_on_error("broker_users"):
        users = [*roles, *map(check_vehicle, options.vehicle)]
        passwords = add_users(options.file, users)
        if options.environment:
            write_environments(options.file.parent, {role: passwords.pop(role) for role in roles})
        for user, password in passwords.items():
            print(user, password)


if __name__ == "__main__":
    main()
