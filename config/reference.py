"""The reference of all settings, ``docs/settings.md``, made from the default file and the models.

    python -m config.reference > docs/settings.md

What a key means is said once, behind it or above it in ``config/fleet.toml``; what it may be, by its model.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from config.settings import DEFAULT_FILE, Settings

_HEADER = re.compile(r"\[{1,2}(?P<name>[\w.]+)\]{1,2}")
_EXAMPLE_LINE = re.compile(r"#\s{3,}(?P<line>\S.*)")
_FREE = re.compile(r"^\[([\w.]+)\]\n(?:#.*\n)+\n", re.MULTILINE)  # a comment, and no key: any is allowed
_BESIDE_A_TEXT = re.compile(r'(?:"[^"]*"|[^"#])*')

TITLES = {"signals.speed": "signals.NAME", "notify.channels.dispatch": "notify.channels.NAME"}
"""Sections that stand for others with the same keys, and what these are called."""

INTRODUCTION = """# Settings

Every key with its default and what it may be, made from `config/fleet.toml` and the models that check it by
`python -m config.reference`. How they belong together: [configuration.md](configuration.md). As an
environment variable, the key `port` of `[mqtt]` is `FLEET__MQTT__PORT`.
"""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the default file.

    Attributes:
        section: its section, such as ``mqtt.tls``.
        name: of the key.
        default: as it is written in the file.
        meaning: the comment above it and the one behind it.
    """

    section: str
    name: str
    default: str
    meaning: str


def keys(text: str) -> Iterator[Key]:
    """The keys of a settings file, in its order.

    Args:
        text: TOML with one key a line; comments directly above a key belong to it.
    """
    section, above = "", list[str]()
    for raw in map(str.strip, text.splitlines()):
        example = _EXAMPLE_LINE.fullmatch(raw)
        line = example["line"] if example else raw
        if header := _HEADER.fullmatch(line):
            section, above = header["name"], []
        elif line.startswith("#"):
            above.append(line.removeprefix("#").strip())
        elif key := _key(line):
            name, default, comment = key
            yield Key(section, name, default, _sentence(above, comment))
            above = []
        else:
            above = []


def reference(text: str, schema: Mapping[str, Any]) -> str:
    """The reference in Markdown.

    Args:
        text: the default file.
        schema: JSON schema of the settings.
    """
    parts = [INTRODUCTION]
    sections: dict[str, list[Key]] = {name: [] for name in _FREE.findall(text)}
    for key in keys(text):
        sections.setdefault(key.section, []).append(key)
    for section, found in sorted(sections.items(), key=lambda item: text.index(f"[{item[0]}]")):
        title = TITLES.get(section, section)
        if title == section and section.startswith("signals."):
            continue
        parts.append(f"\n## `[{title}]`\n\n")
        if not found:
            parts.append(f"{_comment_below(text, section)}\n")
            continue
        parts.append("| key | default | allowed | meaning |\n|---|---|---|---|\n")
        properties = _properties(schema, title.removesuffix(".NAME"))
        parts += [_row(key, properties[key.name], schema) for key in found]
    return "".join(parts)


def _comment_below(text: str, section: str) -> str:
    lines = text.partition(f"[{section}]\n")[2].splitlines()
    return " ".join(line.lstrip("# ") for line in takewhile(lambda line: line.startswith("#"), lines))


def _sentence(above: list[str], behind: str) -> str:
    first = " ".join(above)
    return f"{first.rstrip('.')}; {behind}" if first and behind else first or behind


def _key(line: str) -> tuple[str, str, str] | None:
    name, equals, rest = line.partition(" = ")
    if not equals or not re.fullmatch(r"\w+", name):
        return None
    value = _BESIDE_A_TEXT.match(rest)
    default = value[0] if value else rest
    return name, default.strip(), rest[len(default) :].lstrip("# ").strip()


def _row(key: Key, schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    allowed = _allowed(schema, definitions)
    cells = [f"`{key.name}`", f"`{key.default}`", allowed, key.meaning]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _properties(schema: Mapping[str, Any], section: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = schema
    for name in section.split("."):
        found = _resolved(found["properties"].get(name, {}), schema)
        found = _resolved(_inner(found), schema)
    if "properties" not in found:
        # Any key, each with such a value.
        return defaultdict(lambda: found)
    properties: Mapping[str, Any] = found["properties"]
    return properties


def _inner(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is in a list of tables or in a table by name; the schema itself if it is neither."""
    options = [*schema.get("patternProperties", {}).values(), schema.get("items")]
    options.append(schema.get("additionalProperties"))
    return next((option for option in options if isinstance(option, dict)), schema)


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    resolved: Mapping[str, Any] = root["$defs"][schema["$ref"].rpartition("/")[2]]
    return resolved


def _allowed(schema: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    schema = _resolved(schema, root)
    if "anyOf" in schema:
        return " or ".join(_allowed(option, root) for option in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{value}`" if value else '`""`' for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    match schema.get("type"):
        case "null":
            return '`""`'
        case "boolean":
            return "`true`, `false`"
        case "array":
            return f"a list of {_allowed(schema.get('items', {}), root) or 'values'}"
        case "integer":
            return _bounded("whole number", schema)
        case "number":
            return _bounded("number", schema)
        case "string":
            return "text"
        case "object":
            return "a table"
    return ""


def _bounded(kind: str, schema: Mapping[str, Any]) -> str:
    words = {
        "minimum": "at least {}",
        "exclusiveMinimum": "above {}",
        "maximum": "at most {}",
        "exclusiveMaximum": "below {}",
    }
    bounds = [text.format(f"{schema[bound]:g}") for bound, text in words.items() if bound in schema]
    return " ".join([kind, ", ".join(bounds)]).strip()


if __name__ == "__main__":
    print(reference(DEFAULT_FILE.read_text(encoding="utf-8"), Settings.model_json_schema()), end="")
