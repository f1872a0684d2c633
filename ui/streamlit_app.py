"""The page's server: `streamlit run ui`."""

from __future__ import annotations

import sys
from pathlib import Path

import streamlit as st

# Streamlit adds the directory of this file to the path, not the one that `ui` is imported from.
ROOT = str(Path(__file__).resolve().parents[1])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)

from ui.server import ROUTES  # noqa: E402 (needs the path)

app = st.App("script.py", routes=ROUTES)
