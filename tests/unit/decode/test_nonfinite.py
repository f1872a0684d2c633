"""Numbers that JSON lacks are found where they are numbers, and nowhere else."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.decode.nonfinite import mark_nonfinite, nonfinite_to_null, unmark_nonfinite

texts = st.one_of(
    st.text(max_size=6), st.sampled_from(["NaN", "Infinity", '"NaN', "\\", '\\"', "1e999", "-"])
)
documents = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.just(10**400), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
)


def without_non_finite(document: Any) -> Any:
    match document:
        case dict():
            return {key: without_non_finite(value) for key, value in document.items()}
        case list():
            return [without_non_finite(value) for value in document]
        case float() if not math.isfinite(document):
            return None
        case int() if abs(document) >= 2**1024:
            return None
        case _:
            return document


@given(document=documents, indent=st.sampled_from([None, 1]), escaped=st.booleans())
def test_exactly_the_numbers_that_json_or_float64_lacks_become_null(
    document: Any, indent: int | None, escaped: bool
) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=escaped).encode("utf-8", "replace")
    expected = json.dumps(without_non_finite(document), indent=indent, ensure_ascii=escaped)
    assert nonfinite_to_null(text) == expected.encode("utf-8", "replace")


@given(document=documents)
def test_marked_text_is_json_and_unmarks_to_the_original_bytes(document: Any) -> None:
    text = json.dumps(document).encode()
    json.loads(mark_nonfinite(text).decode("latin-1"), parse_constant=pytest.fail)
    assert unmark_nonfinite(mark_nonfinite(text)) == text


@given(text=st.lists(st.sampled_from([*'{}[]":,\\-+.eE01 aNI', "NaN", "Infinity", "1e999"])).map("".join))
def test_text_that_is_malformed_for_another_reason_stays_malformed(text: str) -> None:
    try:
        json.loads(text)
    except ValueError:
        with pytest.raises(ValueError):  # noqa: PT011 - JSONDecodeError or a limit of Python's own
            json.loads(nonfinite_to_null(text.encode()))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"1e308", b"1e308"),
        (b"1.7976931348623157e308", b"1.7976931348623157e308"),
        (b"1.7976931348623159e308", b"null"),
        (b"-1E+0309", b"null"),
        (b"1e-999", b"1e-999"),
        (b"0e999", b"0e999"),
        (b"1" + b"0" * 250 + b"e60", b"null"),
        (b"01e999", b"0null"),
        (b"-Infinity-Infinity", b"nullnull"),
        (b"- Infinity", b"- null"),
        (b"N,I,Na,-1,-I,Inf", b"N,I,Na,-1,-I,Inf"),
        (b'"NaN', b'"NaN'),
        (b'"\\', b'"\\'),
    ],
)
def test_single_tokens(text: bytes, expected: bytes) -> None:
    assert nonfinite_to_null(text) == expected


@pytest.mark.parametrize(
    "piece", [b'"\\"', b'"\\', b'\\"', b"-", b"1", b"1e", b'"', b"N", b"[1,", b"1.", b"e999"]
)
def test_a_hostile_text_of_a_megabyte_is_read_in_linear_time(piece: bytes) -> None:
    text = piece * (1_000_000 // len(piece))
    nonfinite_to_null(text + b"NaN 1e999")  # quadratic time would run into the time limit of the tests
