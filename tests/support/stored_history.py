"""Histories that tests write without a broker."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from config.history_settings import Place
from config.settings import load
from dataflows.history.compaction import compact
from dataflows.history.kinds import KINDS, KindName
from dataflows.history.store import open_store
from dataflows.history.writer import KindWriter
from dataflows.messages import MessageBatch
from tests.support.enriched_events import START, payload

ARRIVED = int(START.timestamp()) * 1_000_000


class Crash(BaseException):
    """The process dies here: no handler of an error runs."""


def batch(payloads: Sequence[bytes], topic: str = "fleet/enriched/V", arrived: int = ARRIVED) -> MessageBatch:
    """Messages over MQTT."""
    return MessageBatch(list(payloads), [topic] * len(payloads), [arrived] * len(payloads), "mqtt")


def event(number: int) -> bytes:
    """An enriched event; those of a thousand numbers are on four days, of three vehicles."""
    return payload(f"V{number % 3}", number * 350)


def store(place: Place, kind: KindName, *flushes: Sequence[bytes], topic: str = "fleet/enriched/V") -> None:
    """Write messages of a kind, a file for each flush and day."""
    writer = KindWriter(place, KINDS[kind], "fleet/" + topic.split("/")[1])
    for payloads in flushes:
        writer.write(batch(payloads, topic))
        writer.flush()


def merge_all(directory: Path, kind: KindName = "events", files: int = 2) -> int:
    """Merge whatever can be merged, also of today; returns how many files were replaced."""
    return compact(directory, KINDS[kind], files, 0.0, "test")


def maintain_all(place: Place) -> bool:
    """Merge whatever can be merged, and delete nothing."""
    changes = {"merge_files": 2, "merge_after": 0.0, "keep_days": {}, "max_mib": None}
    return open_store(place).maintain(load().history.model_copy(update=changes), lambda: False)


CHANGES = ("fsync", "rename", "unlink", "mkdir")
"""What of `os` changes the disk."""


@contextmanager
def crash_at(call: int, monkeypatch: pytest.MonkeyPatch, *, after: bool) -> Iterator[list[str]]:
    """Die at one of the calls that change the disk, or after it; yields the names of those that were made."""
    made: list[str] = []

    def dying(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **options: Any) -> Any:
            made.append(name)
            if len(made) == call and not after:
                raise Crash
            result = original(*arguments, **options)
            if len(made) == call:
                raise Crash
            return result

        return called

    with monkeypatch.context() as patched:
        for name in CHANGES:
            patched.setattr(os, name, dying(name, getattr(os, name)))
        yield made


def damage(path: Path, seed: int = 1) -> None:
    """Change bytes in the middle of a file, whose beginning and end stay as they are."""
    content = bytearray(path.read_bytes())
    generator = random.Random(seed)
    for place in range(4, min(len(content) // 2, 400)):
        content[place] = generator.randrange(256)
    path.write_bytes(content)
