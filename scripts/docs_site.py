"""What the documentation needs to be a site: `mkdocs.yml` names this file as a hook.

Documents link to files of the repository, as in ``[the settings](../config/fleet.toml)``, so that they can be
read where they are. In the site, such a file is a page of its own if `PAGES` names it, and else a
file to look at.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

REPOSITORY = Path(__file__).resolve().parents[1]

PAGES = {"README.md": "index.md", "benchmarks/README.md": "benchmarks.md", "CHANGELOG.md": "changes.md"}
"""Documents outside of ``docs`` → their names in the site."""

REST = "files"
"""Directory of the site for all other files that documents link to."""

_LINK = re.compile(
    r"(?P<before>\]\()(?P<target>[^)#\s]+)(?P<after>[^)]*\))"
    r"|(?P<attribute>(?:src|srcset)=\")(?P<picture>[^\"]+)"
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what documents link to outside of ``docs``."""
    from mkdocs.structure.files import File

    for source, name in PAGES.items():
        text = (REPOSITORY / source).read_text(encoding="utf-8")
        files.append(File.generated(config, name, content=text))
    documents = [
        (PurePosixPath("docs", file.src_uri), file.content_string) for file in files.documentation_pages()
    ]
    documents = [(source_of(path), text) for path, text in documents]
    for target in sorted({each for path, text in documents for each in linked(path, text)}):
        place = REPOSITORY / target
        if place.is_dir():
            listing = "\n".join(
                sorted(file.name for file in place.iterdir() if not file.name.startswith("_"))
            )
            files.append(File.generated(config, f"{REST}/{target}.txt", content=listing))
        elif place.is_file():
            name = f"{REST}/{target}.txt"
            files.append(File.generated(config, name, abs_src_path=str(place)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Have links lead to where the files are in the site."""
    source = source_of(PurePosixPath("docs", page.file.src_uri))
    here = PurePosixPath(page.file.src_uri).parent

    def rewritten(match: re.Match[str]) -> str:
        target = resolved(source, match["target"] or match["picture"])
        if target is None:
            return match[0]
        place = relative(place_of(target), here)
        return (
            f"{match['before']}{place}{match['after']}" if match["before"] else f"{match['attribute']}{place}"
        )

    return _LINK.sub(rewritten, markdown)


def source_of(path: PurePosixPath) -> PurePosixPath:
    """Where a page of the site comes from, below the repository."""
    names = {f"docs/{name}": source for source, name in PAGES.items()}
    return PurePosixPath(names.get(str(path), str(path)))


def linked(source: PurePosixPath, text: str) -> set[str]:
    """Files outside of the site that a document links to, below the repository."""
    targets = (resolved(source, match["target"] or match["picture"]) for match in _LINK.finditer(text))
    return {target for target in targets if target and place_of(target).startswith(REST)}


def resolved(source: PurePosixPath, target: str) -> str | None:
    """What a link of a document leads to, below the repository; ``None`` if it leads out of it."""
    if "://" in target or target.startswith(("mailto:", "/")):
        return None
    parts: list[str] = []
    for part in (source.parent / target).parts:
        if part == "..":
            if not parts:
                return None
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def place_of(target: str) -> str:
    """Where a file of the repository is in the site."""
    if target in PAGES:
        return PAGES[target]
    return target.removeprefix("docs/") if target.startswith("docs/") else f"{REST}/{target.rstrip('/')}.txt"


def relative(target: str, directory: PurePosixPath) -> str:
    """A path of the site as seen from one of its directories."""
    return "../" * len(directory.parts) + target
