"""A proposal as a TOML file that explains itself."""

from __future__ import annotations

import re
import textwrap
from itertools import groupby

from dataflows.describe.proposal import Proposal
from dataflows.describe.roles import SCORED, Signal
from dataflows.describe.settings_lines import Setting, Value

COMMENT_COLUMN = 36
"""Where comments start, as in config/fleet.toml."""

WIDTH = 110
"""Characters in a line of comments, at most."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b", "\f": "\\f"}


def toml_of(proposal: Proposal) -> str:
    """The text of the file; `config.settings.load` reads it."""
    lines = [
        *_comment(f"Proposed by dataflows.describe for {proposal.name}: read it before you rely on it."),
        *_comment("All other keys have the defaults of config/fleet.toml, which describes every key."),
    ]
    lines += [line for doubt in proposal.unsure for line in _unsure(doubt)]
    for section, settings in groupby(proposal.settings, key=lambda setting: setting.section):
        lines += ["", f"[{section}]"]
        for setting in settings:
            lines += _setting(setting)
    if proposal.left_out:
        lines += ["", *_comment("Not in the catalogue below, so nothing reads them:")]
        lines += [
            line
            for left_out in proposal.left_out
            for line in _comment(f"  {left_out.pointer}: {left_out.why}")
        ]
    for signal in proposal.signals:
        lines += ["", *_signal(signal)]
    return "\n".join(lines) + "\n"


def _setting(setting: Setting) -> list[str]:
    doubts = [line for doubt in setting.unsure for line in _unsure(doubt)]
    line = _line(setting.key, setting.value, setting.why)
    if len(line) <= WIDTH:
        return [*doubts, line]
    return [*_comment(setting.why), *doubts, _line(setting.key, setting.value, "")]


def _signal(signal: Signal) -> list[str]:
    found = signal.range
    lines = [f"[signals.{_key(signal.name)}]"]
    lines += [line for doubt in signal.unsure for line in _unsure(doubt)]
    lines.append(_line("pointer", signal.pointer, _reason(signal)))
    if found.unit:
        lines.append(_line("unit", found.unit, "assumed: none is given" if found.assumed else ""))
    if found.min is not None:
        lines.append(_line("min", found.min, found.why))
    if found.max is not None:
        lines.append(_line("max", found.max, "" if found.min is not None else found.why))
    if signal.role != "target":
        lines.append(_line("role", signal.role, ""))
    return lines


def _reason(signal: Signal) -> str:
    """Why a signal has its role; of one that is just scored, why it has no range."""
    if signal.why == SCORED:
        return signal.range.why if signal.range.min is None and signal.range.max is None else ""
    return signal.why


def _line(key: str, value: Value, why: str) -> str:
    text = f"{key} = {_value(value)}"
    comment = _plain(why)
    return f"{text:<{COMMENT_COLUMN - 1}} # {comment}" if comment else text


def _value(value: Value) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case str():
            return _quoted(value)
        case _:
            return f"[{', '.join(map(_quoted, value))}]"


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _quoted(name)


def _quoted(text: str) -> str:
    """A basic string of TOML 1.0."""
    escaped = (_ESCAPES.get(character) or _escaped(character) for character in text)
    return f'"{"".join(escaped)}"'


def _escaped(character: str) -> str:
    code = ord(character)
    if code < 0x20 or code == 0x7F:
        return f"\\u{code:04x}"
    # A lone surrogate, which JSON can express, is no character of a TOML file.
    return "\N{REPLACEMENT CHARACTER}" if 0xD800 <= code <= 0xDFFF else character


def _unsure(doubt: str) -> list[str]:
    return _comment(f"unsure: {doubt}")


def _comment(text: str) -> list[str]:
    indent = " " * (len(text) - len(text.lstrip()))
    return textwrap.wrap(
        _plain(text.strip()), WIDTH, initial_indent=f"# {indent}", subsequent_indent=f"# {indent}  "
    )


def _plain(text: str) -> str:
    """A comment ends with its line, and TOML forbids control characters in it."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}"
        if 0xD800 <= ord(character) <= 0xDFFF or not character.isprintable()
        else character
        for character in text
    )
