"""A secret that can be recognised, and every setting that holds one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, SecretStr

from config.settings import Settings

SECRET = "Wd9xQ-only-for-tests"


def secret_settings(model: type[BaseModel] = Settings) -> Iterator[tuple[str, ...]]:
    """The path of each setting that is a secret, without the names of channels."""
    for name, field in model.model_fields.items():
        for kind in kinds(field.annotation):
            if issubclass(kind, SecretStr):
                yield (name,)
            elif issubclass(kind, BaseModel):
                yield from ((name, *path) for path in secret_settings(kind))


def kinds(annotation: Any) -> Iterator[type]:
    """The classes that an annotation names, also those within lists, tables and unions."""
    if isinstance(annotation, type):
        yield annotation
    for argument in get_args(annotation):
        yield from kinds(argument)


def _variables(path: tuple[str, ...]) -> dict[str, str]:
    """Environment variables that set it, and what it needs."""
    if path[-1] == "url":
        return {"FLEET__NOTIFY__CHANNELS__DISPATCH__URL": f"json://user:{SECRET}@127.0.0.1:9/x"}
    section = "__".join(("FLEET", *map(str.upper, path[:-1])))
    return {f"{section}__USERNAME": "user", f"{section}__{path[-1].upper()}": SECRET}


SECRET_SETTINGS = {".".join(path): _variables(path) for path in secret_settings()}
"""Name of a setting → environment variables with which it is `SECRET`."""
