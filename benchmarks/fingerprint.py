"""What a cached result depends on, as one number: the result is valid as long as the number is the same."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


def fingerprint(sources: Sequence[str], distributions: Sequence[str] = (), parameters: str = "") -> str:
    """SHA-256, in hexadecimal, of everything given.

    Args:
        sources: glob patterns of files, relative to the repository; their content counts.
        distributions: installed packages; their versions count, and whether they are installed at all.
        parameters: anything else that the result depends on.
    """
    content = sha256(parameters.encode())
    for pattern in sources:
        for path in sorted(REPOSITORY.glob(pattern)):
            content.update(sha256(path.read_bytes()).digest())
    for name in distributions:
        try:
            found = version(name)
        except PackageNotFoundError:
            found = "not installed"
        content.update(f"\n{name}=={found}".encode())
    return content.hexdigest()
