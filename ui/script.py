"""What Streamlit runs for each viewer, when the page is opened and whenever all of it is drawn anew."""

from __future__ import annotations

import sys
from pathlib import Path

# Streamlit adds the directory of this file to the path, not the one that `ui` is imported from.
ROOT = str(Path(__file__).resolve().parents[1])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)

from ui.page import show_page  # noqa: E402 (needs the path)

show_page()
