"""What the programs write to their logs, and what not."""

from __future__ import annotations

import logging


def configure_logging(form: str = "%(asctime)s %(levelname)s %(message)s") -> None:
    """Log from INFO on to standard error; of libraries that tell every step only what went wrong.

    Args:
        form: of a line, as `logging.Formatter` takes it.
    """
    logging.basicConfig(level=logging.INFO, format=form)
    logging.getLogger("kafka").setLevel(logging.WARNING)
