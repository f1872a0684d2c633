"""The users of the page who log in with a password.

They are in the file that page.login.users names, with a hash of each password; a running page notices every
change. Whoever is removed, or gets another password, is logged out at once.
"""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from config.errors import SettingsError, exit_on_error
from config.page_settings import ROLES, Role
from config.settings import load
from ui.login.passwords import check, hashed
from ui.login.user_file import User, UserFile, check_name, same_name

EXAMPLES = """roles:
  viewer       sees everything
  dispatcher   also acts on alerts: acknowledges, mutes, comments, judges
  operator     also sends commands to vehicles

examples:
  python -m ui.login add anna --role dispatcher
  python -m ui.login set-role anna operator
  python -m ui.login set-password anna
  python -m ui.login remove anna
  python -m ui.login list
  python -m ui.login --file /run/secrets/page-users.json list
  head -c 18 /dev/urandom | base64 | tee anna.txt | python -m ui.login add anna --role viewer"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Change or list the users."""
    options = _parser().parse_args(arguments)
    with exit_on_error("login"):
        file = UserFile(options.file or _file_of_the_settings())
        match options.what:
            case "add":
                add(file, options.name, options.role)
            case "set-password":
                set_password(file, options.name)
            case "set-role":
                set_role(file, options.name, options.role)
            case "remove":
                remove(file, options.name)
            case "list":
                show(file)


def add(file: UserFile, name: str, role: Role) -> None:
    """Add a user with a password that is asked for.

    Raises:
        SettingsError: the name or the password is none, or there is such a user.
    """
    check_name(name)

    def refuse_known(users: dict[str, User]) -> None:
        if same_name(name) in users:
            raise SettingsError(
                f"expected a new name, got {users[same_name(name)].name!r}, whom there is; see set-password"
            )

    if file.path.exists():
        refuse_known(dict(file.read().users))
    user = User(name=name, role=role, password=_asked(name), changed_at=datetime.now(UTC))

    def put(users: dict[str, User]) -> None:
        refuse_known(users)
        users[same_name(name)] = user

    file.change(put)
    print(f"added {name}, {role}, to {file.path}")


def set_password(file: UserFile, name: str) -> None:
    """Ask for another password of a user.

    Raises:
        SettingsError: there is no such user, or it is no password.
    """
    _known(dict(file.read().users), name)
    password = _asked(name)
    _replace(file, name, password=password, changed_at=datetime.now(UTC))
    print(f"{name} has a new password, and is logged out")


def set_role(file: UserFile, name: str, role: Role) -> None:
    """Give a user another role.

    Raises:
        SettingsError: there is no such user.
    """
    _replace(file, name, role=role)
    print(f"{name} is {role} now")


def remove(file: UserFile, name: str) -> None:
    """Remove a user.

    Raises:
        SettingsError: there is no such user.
    """
    file.change(lambda users: users.pop(same_name(_known(users, name).name)))
    print(f"removed {name}, who is logged out")


def show(file: UserFile) -> None:
    """Print a line for each user."""
    users = sorted(file.read().users.values(), key=lambda user: same_name(user.name))
    width = max([len(user.name) for user in users], default=0)
    for user in users:
        print(f"{user.name:<{width}}  {user.role:<10}  password of {user.changed_at:%Y-%m-%d}")


def _replace(file: UserFile, name: str, **changes: object) -> None:
    def put(users: dict[str, User]) -> None:
        users[same_name(name)] = msgspec.structs.replace(_known(users, name), **changes)

    file.change(put)


def _known(users: dict[str, User], name: str) -> User:
    user = users.get(same_name(name))
    if user is None:
        raise SettingsError(
            f"expected the name of a user, got {name!r}; `python -m ui.login list` shows them"
        )
    return user


def _asked(name: str) -> str:
    """The hash of the password that somebody types twice, or that is the first line of a pipe."""
    if not sys.stdin.isatty():
        return hashed(check(name, sys.stdin.readline().rstrip("\r\n")))
    password = check(name, getpass.getpass(f"Password of {name}: "))
    if getpass.getpass("Again: ") != password:
        raise SettingsError("expected the same password twice, got two; nothing has changed")
    return hashed(password)


def _file_of_the_settings() -> Path:
    file = load().page.login.users
    if file is None:
        raise SettingsError(
            "expected a file of users, got none: set page.login.users in the settings, "
            "FLEET__PAGE__LOGIN__USERS=FILE in the environment, or --file FILE"
        )
    return file


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ui.login",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--file", type=Path, metavar="FILE", help="file of users (default: page.login.users)")
    commands = parser.add_subparsers(dest="what", required=True, metavar="COMMAND")

    def command(name: str, help_: str, *, takes_name: bool = True) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=help_, description=help_)
        if takes_name:
            added.add_argument("name", metavar="NAME", help="capitals do not matter")
        return added

    adding = command("add", "add a user; asks for the password twice, or reads it from a pipe")
    adding.add_argument("--role", choices=ROLES, required=True, help="what they may do")
    command("set-password", "ask for another password of a user")
    command("set-role", "give a user another role").add_argument(
        "role", choices=ROLES, help="what they may do"
    )
    command("remove", "remove a user")
    command("list", "print all users", takes_name=False)
    return parser


if __name__ == "__main__":
    main()
