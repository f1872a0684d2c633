"""The licences of the packages that are shipped: ``python -m scripts.licences > LICENCES.md``.

Packages that only development and measurements need are not shipped and not listed.
"""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parents[1]

HEADER = """# Licences of what is shipped

What the programs need at run time, the extras included, with everything that these packages need in turn,
and the licence that each declares; made by `python -m scripts.licences`. This project itself:
[Apache-2.0](LICENSE).

| package | licence |
|---|---|
"""

CLASSIFIER = "License :: OSI Approved :: "

LONGEST = 60
"""Characters of a licence; a longer text is the licence itself, and not its name."""

DECLARED_ELSEWHERE = {
    "bytewax": "Apache-2.0",
}
"""Packages whose metadata do not name a licence, and the licence in their repository."""


def shipped(extra: str = "all") -> list[str]:
    """Names of all packages that the programs need, in alphabetical order; those of this system only.

    Args:
        extra: of pyproject.toml; "" for what a job alone needs.
    """
    with (REPOSITORY / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    wanted = [Requirement(text) for text in project["dependencies"]]
    wanted += [Requirement(text) for text in project["optional-dependencies"].get(extra, [])]
    found: set[str] = set()
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        if name == project["name"]:
            named = [project["optional-dependencies"][each] for each in requirement.extras]
            wanted += [Requirement(text) for texts in named for text in texts]
            continue
        if name in found:
            continue
        found.add(name)
        extras = requirement.extras or {""}
        for text in metadata.requires(name) or []:
            needed = Requirement(text)
            if needed.marker is None or any(needed.marker.evaluate({"extra": each}) for each in extras):
                wanted.append(needed)
    return sorted(found)


def licence_of(package: str) -> str:
    """The licence that a package declares; empty if it declares none.

    Args:
        package: an installed one.
    """
    declared = metadata.metadata(package)
    if "License-Expression" in declared:
        return declared["License-Expression"]
    names = [
        text.removeprefix(CLASSIFIER)
        for text in declared.get_all("Classifier") or []
        if text.startswith(CLASSIFIER)
    ]
    text = declared["License"].strip() if "License" in declared else ""
    short = text if len(text) <= LONGEST and "|" not in text else ""
    return ", ".join(names) or short or DECLARED_ELSEWHERE.get(package, "")


def table() -> str:
    """The list in Markdown."""
    return HEADER + "".join(f"| {name} | {licence_of(name)} |\n" for name in shipped())


if __name__ == "__main__":
    print(table(), end="")
