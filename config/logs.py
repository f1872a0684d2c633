"""Logging, set up in the same way by every program."""

from __future__ import annotations

import logging


def configure_logging(form: str = "%(asctime)s %(levelname)s %(message)s") -> None:
    """Log INFO and above to standard error, but only warnings of libraries that log every step.

    Args:
        form: format of a line, as `logging.Formatter` takes it.
    """
    logging.basicConfig(level=logging.INFO, format=form)
    for library in ("kafka", "numexpr"):
        logging.getLogger(library).setLevel(logging.WARNING)
