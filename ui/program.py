"""The page as a program of an installed package: ``fleet-page``, with the options of ``streamlit run``."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import NoReturn

from streamlit.config import get_option

_ADDRESS = re.compile(r"--server\.address(=|$)")


def main() -> NoReturn:
    """Run ``streamlit run`` with the page, wherever it is installed.

    It listens on this machine only, as in the checkout, unless an option, a variable or a file of Streamlit's
    says where.
    """
    page, options = str(Path(__file__).parent), sys.argv[1:]
    if get_option("server.address") is None and not any(map(_ADDRESS.match, options)):
        options += ["--server.address", "localhost"]
    os.execv(sys.executable, [sys.executable, "-P", "-m", "streamlit", "run", page, *options])
