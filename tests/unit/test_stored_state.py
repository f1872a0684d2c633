"""State is plain data under the version of its layout; whatever else is stored is refused."""

from __future__ import annotations

import datetime
import functools
import pickle
from typing import Any

import numpy as np
import pytest

from config.errors import SnapshotError
from dataflows.stored_state import KAFKA, LAYOUTS, StateLayout, check_layout, layout_of, unpickle
from tests.support.pickle_names import named_by

LAYOUT = StateLayout("kafka", KAFKA.version)
PLAIN = {
    "numbers": (1, 2.5, True, None),
    "texts": ["a", b"b"],
    "sets": {1, 2},
    "array": np.arange(6.0).reshape(2, 3),
    "structured": np.zeros(2, [("identifier", "<u2"), ("checksum", "<u4")]),
    "scalar": np.float64(1.5),
}


def test_content_comes_back_as_it_was_wrapped() -> None:
    stored = KAFKA.wrap((5, "id"))
    assert layout_of(stored) == KAFKA
    check_layout(stored)
    assert KAFKA.unwrap(stored) == (5, "id")


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=list(LAYOUTS))
def test_another_version_is_refused(layout: StateLayout) -> None:
    newer = StateLayout(layout.name, layout.version + 1)
    for check in (check_layout, layout.unwrap):
        with pytest.raises(SnapshotError, match=f"expected state with the layout {layout}, got {newer}"):
            check(newer.wrap(1))


@pytest.mark.parametrize("stored", [5, b"", None, (5, "id"), {"detector": {}}, (1, 2, 3)])
def test_state_without_a_layout_is_refused(stored: Any) -> None:
    assert layout_of(stored) is None
    with pytest.raises(SnapshotError, match="expected state with a layout version, got state without one"):
        check_layout(stored)
    with pytest.raises(SnapshotError, match="expected state with the layout 'kafka' version 1"):
        KAFKA.unwrap(stored)


def test_an_unknown_layout_is_refused() -> None:
    with pytest.raises(SnapshotError, match=r"'shard', .*got 'other' version 1"):
        check_layout(StateLayout("other", 1).wrap(5))


@pytest.mark.parametrize("protocol", range(2, pickle.DEFAULT_PROTOCOL + 1))
def test_plain_data_is_unpickled(protocol: int) -> None:
    plain = {name: value for name, value in PLAIN.items() if protocol > 3 or name == "numbers"}
    found = unpickle(pickle.dumps(plain, protocol))
    assert found.keys() == plain.keys()
    for name, value in plain.items():
        np.testing.assert_array_equal(found[name], value)


@pytest.mark.parametrize(
    ("foreign", "name"),
    [
        (KAFKA, "dataflows.stored_state.StateLayout"),
        (eval, "builtins.eval"),
        (datetime.date(2026, 1, 1), "datetime.date"),
        (np.load, "numpy.load"),
        (functools.partial(print), "functools.partial"),
    ],
)
def test_whatever_is_not_plain_data_is_refused_by_its_name(foreign: Any, name: str) -> None:
    with pytest.raises(SnapshotError, match=f"collections of them, got {name}$"):
        unpickle(pickle.dumps({"state": [foreign]}))


def test_a_module_gives_no_access_to_what_it_imports() -> None:
    assert unpickle(pickle.dumps(functools.partial), lambda module, _: module == "functools")
    for name in ("namedtuple", "partial.func", "GenericAlias"):
        with pytest.raises(SnapshotError, match=f"got functools.{name}"):
            unpickle(_names("functools", name), lambda module, _: module == "functools")


def _names(module: str, name: str) -> bytes:
    """A pickle of nothing but a name."""
    texts = [pickle.SHORT_BINUNICODE + bytes([len(text)]) + text.encode() for text in (module, name)]
    return pickle.PROTO + b"\x04" + b"".join(texts) + pickle.STACK_GLOBAL + pickle.STOP


@pytest.mark.parametrize("damage", [b"", b"\x80\x04.", b"\x80\x04]", b"hello", b"\x80\x04K\x01a."])
def test_damaged_data_is_refused(damage: bytes) -> None:
    with pytest.raises(SnapshotError, match="expected a pickle, got damaged data"):
        unpickle(damage)


def test_the_names_in_a_pickle_are_found_without_unpickling_it() -> None:
    assert named_by(pickle.dumps((1, "config.errors", b"\x80"))) == set()
    nested = pickle.dumps([functools.partial(print), KAFKA])
    assert named_by(pickle.dumps([KAFKA, KAFKA, {"objects": [nested]}])) == {
        ("dataflows.stored_state", "StateLayout"),
        ("functools", "partial"),
        ("builtins", "print"),
    }
