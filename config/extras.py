"""Which extra of pyproject.toml brings a package that a program may miss.

A job alone needs few packages: those of the page, the history and others are in extras. A program that is
started without its extra says so in one line, like for any other thing that is missing.
"""

from __future__ import annotations

import sys
from types import TracebackType

EXTRAS = {
    "amqtt": "demo",
    "apprise": "notify",
    "argon2": "page",
    "authlib": "oidc",
    "deltalake": "lake",
    "duckdb": "history",
    "honcho": "demo",
    "httpx": "oidc",
    "itsdangerous": "page",
    "jinja2": "history",
    "kafka": "page",
    "pandas": "page",
    "pmtiles": "maps",
    "pyarrow": "history",
    "sklearn": "backtest",
    "streamlit": "page",
}
"""Package, by the name that it is imported by → extra."""


def hint(error: ImportError) -> str | None:
    """What to install when an import has failed; ``None`` if no extra brings it.

    Args:
        error: what the import raised.
    """
    package = (error.name or "").partition(".")[0]
    if package not in EXTRAS:
        return None
    extra = EXTRAS[package]
    return (
        f"expected the package {package}, which is not installed; install the extra that brings it: "
        f"pip install 'fleet-telemetry[{extra}]', or in a checkout: pip install '.[{extra}]'"
    )


def explain_missing_packages() -> None:
    """Print an uncaught `ImportError` of a package of an extra as one line instead of a traceback.

    Imports fail before a program has run a line of its own, so each package does this when it is imported.
    """
    unexpected = sys.excepthook

    def report(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        said = hint(error) if isinstance(error, ImportError) else None
        if said is None:
            unexpected(kind, error, traceback)
        else:
            print(said, file=sys.stderr)

    sys.excepthook = report
