"""The page as a program of an installed package: ``fleet-page``, with the options of ``streamlit run``."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from config.extras import hint


def main() -> NoReturn:
    """Run ``streamlit run`` with the page, wherever it is installed.

    Its options are those of ``.streamlit/config.toml`` beside this file, which Streamlit reads wherever it is
    started, unless an option of the command line or a variable ``STREAMLIT_*`` says otherwise.
    """
    if find_spec("streamlit") is None:
        sys.exit(hint(ModuleNotFoundError(name="streamlit")))
    page = str(Path(__file__).parent)
    os.execv(sys.executable, [sys.executable, "-P", "-m", "streamlit", "run", page, *sys.argv[1:]])
