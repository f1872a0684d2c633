"""The page's server: `streamlit run ui`."""

from __future__ import annotations

import sys
from pathlib import Path

import streamlit as st

# Streamlit adds the directory of this file to the path, not the one that `ui` is imported from.
ROOT = str(Path(__file__).resolve().parents[1])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)

from config.errors import exit_on_error  # noqa: E402 (needs the path)
from ui.log import PROGRAM, start_log  # noqa: E402
from ui.login.listening import check_address  # noqa: E402
from ui.server import MIDDLEWARE, ROUTES, life  # noqa: E402

start_log()
with exit_on_error(PROGRAM):
    check_address()

app = st.App("script.py", routes=ROUTES, middleware=MIDDLEWARE, lifespan=life)
