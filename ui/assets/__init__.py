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


def component(name: str, file: str, *, isolate_styles: bool = True) -> ComponentRenderer:
    """A component whose JavaScript is a module of this directory; mount it by calling the result.

    Args:
        name: unique in the page.
        file: name of the module; its default export is called with what Streamlit gives a component.
        isolate_styles: whether it lives in a shadow root.
    """
    address = below_base(f"{PATH}/{_version()}/{file}")
    return st.components.v2.component(name, js=_LOADER.format(address=address), isolate_styles=isolate_styles)


def below_base(path: str) -> str:
    """The address of a path of this server, which may be served below another (`server.baseUrlPath`)."""
    base = str(st.get_option("server.baseUrlPath")).strip("/")
    return f"{'/' if base else ''}{base}{path}"


@cache
def _version() -> str:
    """Stands in the addresses of all modules, which import each other: a browser never mixes two versions."""
    digest = hashlib.sha256()
    for file in sorted(DIRECTORY.glob("*.js")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
