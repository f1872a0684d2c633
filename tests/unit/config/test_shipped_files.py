"""The files in ``config/``: readable, consistent, and no more permissive than the programs need."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from config.settings import DEFAULT_FILE, load
from scripts.broker_users import ROLES

CONFIG = DEFAULT_FILE.parent
SETTINGS_FILES = sorted(CONFIG.glob("*.toml"))
COMMENT_COLUMN = 36
KEY_VALUE_COMMENT = re.compile(r'\w+ = (?:"[^"]*"|[^"#]+?)\s*(?P<comment># .*)')


@pytest.mark.parametrize("file", SETTINGS_FILES, ids=lambda file: file.name)
def test_a_shipped_settings_file_loads(file: Path) -> None:
    assert load(file).topics


@pytest.mark.parametrize("file", SETTINGS_FILES, ids=lambda file: file.name)
def test_comments_behind_keys_are_aligned(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    found = [match for line in lines if (match := KEY_VALUE_COMMENT.match(line))]
    # A value that reaches further has its comment one space behind it.
    assert [match[0] for match in found if match.start("comment") != _comment_column(match)] == []


def _comment_column(match: re.Match[str]) -> int:
    return max(COMMENT_COLUMN, len(match[0][: match.start("comment")].rstrip()) + 1)


def test_most_keys_of_the_default_file_have_a_comment_behind_them() -> None:
    lines = DEFAULT_FILE.read_text(encoding="utf-8").splitlines()
    assert sum(bool(KEY_VALUE_COMMENT.match(line)) for line in lines) > 90


def test_both_mosquitto_files_keep_messages_in_the_same_way() -> None:
    def persistence(name: str) -> str:
        text = (CONFIG / name).read_text(encoding="utf-8")
        return text[text.index("# Sessions, queued messages") :]

    plain = persistence("mosquitto.conf")
    assert "\nmax_queued_messages " in plain
    assert persistence("mosquitto-secure.conf") == plain


def permissions() -> dict[str, set[str]]:
    """User → topics of its ``topic read`` and ``topic write`` lines in ``config/mosquitto.acl``."""
    found: dict[str, set[str]] = {}
    user = ""
    for line in (CONFIG / "mosquitto.acl").read_text(encoding="utf-8").splitlines():
        words = line.split()
        if words[:1] == ["user"]:
            user = words[1]
        elif words[:1] == ["topic"] and words[1] != "deny":
            found.setdefault(user, set()).add(words[2])
    return found


def test_every_role_has_permissions_and_nobody_else() -> None:
    assert set(permissions()) == set(ROLES)


def test_permissions_are_for_topics_of_the_settings_only() -> None:
    topics = tomllib.loads(DEFAULT_FILE.read_text(encoding="utf-8"))["topics"].values()
    granted = {re.sub("/[+#]$", "", topic) for topic in set().union(*permissions().values())}
    answers = load(DEFAULT_FILE).command_answers_topic
    assert granted == {answers, *(topic.removesuffix("/+") for topic in topics)}
