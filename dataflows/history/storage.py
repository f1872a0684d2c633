"""The storage at a URL: how it is reached, and what it says if it cannot be.

Who we are there is said by environment variables, which the library reads itself: docs/history.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

from deltalake.exceptions import CommitFailedError, TableNotFoundError

from config.errors import FleetError, HistoryError

ATTEMPTS = 10
"""Attempts to commit while others do."""

PATIENCE = {"retry_timeout": "60s"}
"""How long a request is repeated."""

LONGEST = 300
"""Characters of what the storage says."""

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_SAID = re.compile(r"<Code>(.*?)</Code>.*?<Message>(.*?)</Message>", re.DOTALL)
_CREDENTIALS = re.compile(r"\?\S*|(?<=://)[^/\s]*@")
"""Parts of URLs: signatures, for example."""


def options(url: str) -> dict[str, str]:
    """Options of the library for a URL.

    Two writers must not commit the same version. On S3 that is what a conditional put is for: it creates an
    object only if it is not there. Other storages need no option for it.
    """
    return PATIENCE | ({"aws_conditional_put": "etag"} if url.startswith("s3:") else {})


def local_path(url: str) -> Path | None:
    """The directory of a ``file://`` URL."""
    return Path(unquote(url.removeprefix("file://"))) if url.startswith("file:") else None


@contextmanager
def reading(url: str) -> Iterator[None]:
    """What fails within is a `HistoryError` of one line; but for a table that is not there."""
    try:
        yield
    except (FleetError, TableNotFoundError):
        raise
    # The library raises plain ones as well.
    except Exception as error:
        raise HistoryError(
            f"the history cannot be read: {url}: {said(error)}; check the URL, the network, and the "
            "environment variables of the storage (docs/history.md)"
        ) from None


@contextmanager
def writing(url: str) -> Iterator[None]:
    """What fails within is a `HistoryError` of one line; but for a commit that others were faster than."""
    try:
        yield
    except (FleetError, CommitFailedError):
        raise
    except Exception as error:
        raise HistoryError(
            f"the history cannot be written: {url}: {said(error)}; nothing is lost: check the URL, the "
            "network, the permissions, and the environment variables of the storage (docs/history.md), and "
            "restart"
        ) from None


def said(error: Exception) -> str:
    """What an error says, in one line that holds no credentials."""
    text = _COLOURS.sub("", str(error))
    answer = _SAID.search(text)
    if answer is not None:
        return f"{answer[1]}: {answer[2]}"[:LONGEST]
    line = " ".join(_CREDENTIALS.sub("", text).replace("↳", "").split())
    # The cause is at its end.
    return line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} … {line[-LONGEST // 2 :]}"
