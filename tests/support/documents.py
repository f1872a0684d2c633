"""The Markdown documents of the project: their fenced blocks, commands, links and headings."""

from __future__ import annotations

import importlib.util
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

from tests.support.paths import REPOSITORY

DOCUMENTS = sorted(
    [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("*.md"), *(REPOSITORY / "benchmarks").glob("*.md")]
)

SHELL, TOML = "", "toml"
LANGUAGES = {SHELL, TOML, "text", "python", "json"}
"""What a fenced block may be marked as; one without a mark holds commands."""

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\S*)\n(?P<text>.*?)^(?P=indent)```$", re.M | re.S)
_COMMENT = re.compile(r"(?:^|\s+)#\s.*")
_INLINE_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"(?<!!)\[[^]]*\]\((?P<target>[^)\s]+)\)")
_IMAGE = re.compile(r"!\[[^]]*\]\((?P<image>[^)\s]+)\)|(?:src|srcset)=\"(?P<html>[^\"]+)\"")
_HEADING = re.compile(r"^#+ (?P<text>.*)$", re.M)


@dataclass(frozen=True, slots=True)
class Fence:
    """A fenced block.

    Attributes:
        language: its mark; empty for commands.
        line: number of the first line of its text in the document.
        text: its lines without the indentation of the fence.
    """

    language: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a document.

    Attributes:
        document: where it is.
        line: number of its line there.
        text: the command without its comment.
    """

    document: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.document.relative_to(REPOSITORY)}:{self.line}: {self.text}"


def fences(document: Path) -> list[Fence]:
    """The fenced blocks of a document, in order."""
    text = document.read_text(encoding="utf-8")
    return [
        Fence(found["language"], text.count("\n", 0, found.start("text")) + 1, textwrap.dedent(found["text"]))
        for found in _FENCE.finditer(text)
    ]


def commands(document: Path) -> list[Command]:
    """The commands in the fenced blocks of a document, in order; a line is a command."""
    return [
        Command(document, fence.line + number, command)
        for fence in fences(document)
        if fence.language == SHELL
        for number, line in enumerate(fence.text.splitlines())
        if (command := _COMMENT.sub("", line).strip())
    ]


def toml(document: Path) -> str:
    """The settings in the fenced blocks of a document, as one file."""
    return "\n".join(fence.text for fence in fences(document) if fence.language == TOML)


def prose(document: Path) -> str:
    """The text of a document without its fenced blocks; lines keep their numbers."""
    text = document.read_text(encoding="utf-8")
    return _FENCE.sub(lambda found: "\n" * found[0].count("\n"), text)


def inline_code(document: Path) -> list[str]:
    """Texts in single backticks, outside of fenced blocks."""
    return _INLINE_CODE.findall(prose(document))


def links(document: Path) -> list[str]:
    """Targets of the links and images of a document that lead to a file or heading of the project."""
    text = prose(document)
    found = [target["target"] for target in _LINK.finditer(text)]
    found += [target["image"] or target["html"] for target in _IMAGE.finditer(text)]
    return [target for target in found if "://" not in target]


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = (found["text"] for found in _HEADING.finditer(prose(document)))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def missing_options(module: str, command: str) -> list[str]:
    """Long options of a command that no file in the folder of its module defines.

    Raises:
        AssertionError: there is no such module.
    """
    spec = importlib.util.find_spec(module)
    assert spec is not None, f"there is no module {module}"
    assert spec.origin is not None, f"{module} has no file"
    files = Path(spec.origin).parent.glob("*.py")
    sources = "".join(file.read_text(encoding="utf-8") for file in files)
    return [option for option in re.findall(r"(?<!\S)\[?(--[\w-]+)", command) if f'"{option}"' not in sources]
