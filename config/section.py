"""Building blocks of the settings sections: their base model, and types shared by their keys."""

from __future__ import annotations

from typing import Annotated, Any

import jsonpointer
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


def _json_pointer(text: str) -> str:
    try:
        parsed = jsonpointer.JsonPointer(text)
    except jsonpointer.JsonPointerException as error:
        raise ValueError(f"expected a JSON pointer such as '/speed': {error}") from None
    if not parsed.parts:
        raise ValueError("expected a JSON pointer such as '/speed', got the whole document ''")
    return text


def pointer_to(*keys: str) -> str:
    """The JSON pointer (RFC 6901) to a value under these keys, escaped."""
    return str(jsonpointer.JsonPointer.from_parts(keys).path)


def _empty_is_unset(value: Any) -> Any:
    return None if value == "" else value


UNSET = BeforeValidator(_empty_is_unset)
JsonPointer = Annotated[str, AfterValidator(_json_pointer)]
Port = Annotated[int, Field(ge=1, le=65535)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Section(BaseModel):
    """A frozen group of keys that rejects unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)
