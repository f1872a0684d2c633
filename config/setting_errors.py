"""What is wrong with a setting, in words that repeat no secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from config.section import Section

_SECRET_KEY = re.compile(r"(password|secret|token|url)\b|\blibrdkafka\b", re.IGNORECASE)
_NO_SECTION = ("model_type", "dict_type")
"""Errors of a text or a number where a section was expected: one of its secrets, perhaps."""

_MAY_HOLD_A_SECRET = re.compile(r"://|@")
"""A URL, or user and password in front of a host, where something else was expected."""


def described(error: Mapping[str, Any]) -> str:
    """One error of pydantic's validation, in a line.

    The value is repeated, unless it is that of a key for a secret, or may hold one.

    Args:
        error: one of `pydantic.ValidationError.errors()`.
    """
    key = ".".join(str(part) for part in error["loc"])
    match error["type"]:
        case "extra_forbidden":
            return f"{key}: unknown key; remove it or correct its name"
        case "missing":
            return f"{key}: required, but missing; config/fleet.toml describes every key"
        case _:
            message = error["msg"].removeprefix("Value error, ")
            is_private = error["type"] in _NO_SECTION or _is_private(key, error["input"])
            text = message if is_private else f"{message}, got {error['input']!r}"
            # A check across sections names the keys itself.
            return f"{key}: {text}" if key else text


def _is_private(key: str, value: object) -> bool:
    # The input of a check across keys is the whole section, passwords included.
    if isinstance(value, dict | Section) or _SECRET_KEY.search(key):
        return True
    return _MAY_HOLD_A_SECRET.search(str(value)) is not None
