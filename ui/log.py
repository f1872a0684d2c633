"""The log of the page's process: its own lines, and those of Streamlit and its server in the same form."""

from __future__ import annotations

import logging

from config.log_lines import writes_json
from config.logs import configure_logging

PROGRAM = "page"
OF_THE_SERVER = ("streamlit", "uvicorn", "websockets")


def start_log() -> None:
    """Set the log up.

    Of the server come warnings and errors only. It would log each request with its query, in which a provider
    that people log in with sends a code.
    """
    configure_logging(PROGRAM)
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if isinstance(logger, logging.Logger) and name.split(".")[0] in OF_THE_SERVER:
            logger.setLevel(logging.WARNING)
            if writes_json():
                # Each has a handler with a format of its own, which no option can make JSON.
                logger.handlers.clear()
                logger.propagate = True
