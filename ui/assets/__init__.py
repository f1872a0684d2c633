"""What runs in the browser, and how it gets there: JavaScript modules, one for each component.

The page's server gives them out at `PATH`, so a browser keeps them, and no message to it has to carry them.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

PATH = "/assets"
DIRECTORY = Path(__file__).parent

_LOADER = """
const address = new URL({address!r}, document.baseURI).href;
export default async function(component) {{ return (await import(address)).default(component); }}
"""


@cache
def version() -> str:
    """A digest of all files of the directory: a browser that has kept earlier ones sees other addresses.

    It is in the path, so that what a module imports from beside it is of the same version.
    """
    digest = hashlib.sha256()
    for path in sorted(DIRECTORY.glob("*.*")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def component(name: str, file: str, *, isolate_styles: bool = True) -> ComponentRenderer:
    """A component whose JavaScript is a module of this directory; mount it by calling the result.

    Args:
        name: unique in the page.
        file: name of the module; its default export is called with what Streamlit gives a component.
        isolate_styles: whether it lives in a shadow root.

    Raises:
        FileNotFoundError: there is no such module.
    """
    if not (DIRECTORY / file).is_file():
        raise FileNotFoundError(f"expected a module {file} in {DIRECTORY} for the component {name}")
    address = below_base(f"{PATH}/{version()}/{file}")
    return st.components.v2.component(name, js=_LOADER.format(address=address), isolate_styles=isolate_styles)


def below_base(path: str) -> str:
    """The address of a path of this server, which may be served below another (`server.baseUrlPath`)."""
    base = str(st.get_option("server.baseUrlPath")).strip("/")
    return f"{'/' if base else ''}{base}{path}"
