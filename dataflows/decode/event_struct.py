"""The fields of an event as a msgspec struct, so that a parser in C finds them and checks their types."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import msgspec

from dataflows.decode.field_types import FieldType
from dataflows.decode.fields import ARRAY_INDEX, Field, Row

_LONGEST_ARRAY = 64
"""A struct has an item for every index of an array up to the last one used; none is built for longer ones."""

_Tree = dict[str, Any]
"""Token of a pointer → `FieldType` at its end, or `_Tree` of the next tokens."""


@dataclass(frozen=True, slots=True)
class EventStruct:
    """A struct built for the fields of the settings.

    It accepts fewer events than `Field.of`, and gives the same values for those that it accepts
    (NaN or ``None`` for a signal that is null).

    Attributes:
        decoder: decodes one event, or lines of events.
        row: a decoded event → the values of its fields.
    """

    decoder: msgspec.json.Decoder[msgspec.Struct]
    row: Callable[[msgspec.Struct], Row]

    @classmethod
    def of(cls, fields: Sequence[Field]) -> EventStruct | None:
        """The struct for these fields; ``None`` if a struct cannot hold them.

        It cannot if two fields read the same value as different types, or one reads inside the value of
        another; if a key has characters that JSON escapes; or if an array is read far from its start.
        """
        tree: _Tree = {}
        for field in fields:
            node = tree
            for token in field.tokens[:-1]:
                node = node.setdefault(token, {})
                if not isinstance(node, dict):
                    return None
            if node.setdefault(field.tokens[-1], field.type) is not field.type:
                return None
        if not _is_plain(tree):
            return None
        decoder = msgspec.json.Decoder(_struct(tree, is_array=False))
        if [(token,) for token in tree] == [field.tokens for field in fields]:
            return cls(decoder, msgspec.structs.astuple)
        return cls(decoder, _getter([_path(tree, field.tokens) for field in fields]))


def _is_plain(tree: _Tree) -> bool:
    return all(
        token.isprintable()
        and not {'"', "\\"}.intersection(token)
        and (not isinstance(value, dict) or _is_plain(value))
        for token, value in tree.items()
    ) and not (_is_array(tree) and max(map(int, tree)) >= _LONGEST_ARRAY)


def _is_array(tree: _Tree) -> bool:
    return all(map(ARRAY_INDEX.fullmatch, tree))


def _struct(tree: _Tree, *, is_array: bool) -> type[msgspec.Struct]:
    members: dict[str, tuple[str, Any, Any]] = {}
    for position, (token, value) in enumerate(tree.items()):
        name = f"item_{token}" if is_array else f"field_{position}"
        if isinstance(value, FieldType):
            members[token] = (name, value.schema, value.absent)
        else:
            nested = _struct(value, is_array=_is_array(value))
            members[token] = (name, nested, nested())
    if is_array:
        skipped = msgspec.Raw()
        items = [
            members.get(str(index), (f"item_{index}", msgspec.Raw, skipped))
            for index in range(max(map(int, tree)) + 1)
        ]
        return msgspec.defstruct("Array", items, array_like=True, frozen=True, gc=False)
    keys = {name: token for token, (name, _, _) in members.items()}
    return msgspec.defstruct("Object", list(members.values()), rename=keys, frozen=True, gc=False)


def _path(tree: _Tree, tokens: Sequence[str]) -> str:
    names = []
    is_array = False
    node: Any = tree
    for token in tokens:
        names.append(f"item_{token}" if is_array else f"field_{list(node).index(token)}")
        node = node[token]
        is_array = isinstance(node, dict) and _is_array(node)
    return ".".join(names)


def _getter(paths: Sequence[str]) -> Callable[[msgspec.Struct], Row]:
    if len(paths) > 1:
        return attrgetter(*paths)
    value = attrgetter(paths[0])
    return lambda event: (value(event),)
