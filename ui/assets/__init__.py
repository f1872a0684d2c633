"""What runs in the browser, and how it gets there: JavaScript modules, one for each component.

The page's server gives them out at `PATH`, so a browser keeps them, and no message to it has to carry them.
"""

from __future__ import annotations

import hashlib
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
    # A browser that has kept an earlier version sees another address.
    digest = hashlib.sha256((DIRECTORY / file).read_bytes()).hexdigest()[:12]
    base = str(st.get_option("server.baseUrlPath")).strip("/")
    address = f"{'/' if base else ''}{base}{PATH}/{file}?{digest}"
    return st.components.v2.component(name, js=_LOADER.format(address=address), isolate_styles=isolate_styles)
