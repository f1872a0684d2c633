"""The page as a program of an installed package: ``fleet-page``, with the options of ``streamlit run``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn


def main() -> NoReturn:
    """Run ``streamlit run`` with the page, wherever it is installed."""
    page = str(Path(__file__).parent)
    os.execv(sys.executable, [sys.executable, "-P", "-m", "streamlit", "run", page, *sys.argv[1:]])
