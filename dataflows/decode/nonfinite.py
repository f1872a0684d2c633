"""Numbers that JSON lacks but senders write: `NaN`, `Infinity`, `-Infinity`, and `1e999`.

Python's own encoder, among others, writes the first three, and a sensor without a reading is data, not a
defect of the message. RFC 8259, section 6, forbids the tokens and leaves the range of numbers to the
reader; ours is that of float64. Such numbers are called non-finite here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

# A string is matched as a whole, to the end of the text if it is not closed, so that no token is ever
# found inside one. All quantifiers are possessive: a hostile payload takes linear time.
_STRING = rb'"(?:[^"\\]++|\\.)*+"?+'
_UP_TO_TOKEN = re.compile(
    rb'((?:[^"NI-]++|' + _STRING + rb"|N(?!aN)|I(?!nfinity)|-(?!Infinity))*+)(NaN|-?Infinity)?+",
    re.DOTALL,
)
# JSON's own grammar and nothing else: `01e999` must stay as malformed as it is.
_STRING_OR_NUMBER = re.compile(
    _STRING + rb"|-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+", re.DOTALL
)
# Beyond float64 means more than 308 digits: an exponent of three digits, or most of them written out.
_ALL_DIGITS_ZERO = bytes.maketrans(b"123456789E", b"000000000e")
_BEYOND_FLOAT64 = (b"e000", b"e+000", b"0" * 200)
# 0xFF is in no UTF-8 text, hence in no string of a payload that was checked.
_MARKED = re.compile(rb'"\xff([^"]*)"')


def nonfinite_to_null(payload: bytes) -> bytes:
    """The payload with every number that JSON or float64 lacks replaced by ``null``.

    All other bytes are kept. What was malformed for another reason still is: ``null`` is well-formed only
    in place of a whole value.
    """
    return _replaced(payload, lambda token: b"null")


def mark_nonfinite(payload: bytes) -> bytes:
    """The payload with those numbers as marked strings, which a JSON parser accepts.

    `unmark_nonfinite` is the inverse, also on a part of the result.

    Args:
        payload: valid UTF-8.
    """
    return _replaced(payload, lambda token: b'"\xff' + token + b'"')


def unmark_nonfinite(payload: bytes) -> bytes:
    """The original bytes of what `mark_nonfinite` returned, or of a part of it."""
    return _MARKED.sub(rb"\1", payload)


def _replaced(payload: bytes, replacement: Callable[[bytes], bytes]) -> bytes:
    def replace_token(match: re.Match[bytes]) -> bytes:
        before, token = match.groups()
        return before + replacement(token) if token else before

    def replace_number(match: re.Match[bytes]) -> bytes:
        text = match[0]
        is_in_range = text.startswith(b'"') or math.isfinite(float(text))
        return text if is_in_range else replacement(text)

    if b"NaN" in payload or b"Infinity" in payload:
        payload = _UP_TO_TOKEN.sub(replace_token, payload)
    shape = payload.translate(_ALL_DIGITS_ZERO)
    if any(sign in shape for sign in _BEYOND_FLOAT64):
        payload = _STRING_OR_NUMBER.sub(replace_number, payload)
    return payload
