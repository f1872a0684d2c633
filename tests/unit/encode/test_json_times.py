"""Times are written as msgspec writes them."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from dataflows.clock import EPOCH, microseconds
from dataflows.encode.json_times import write_times

TIMES = st.datetimes(timezones=st.just(UTC))
WHOLE_SECONDS = TIMES.map(lambda time: time.replace(microsecond=0))


@given(st.lists(TIMES | WHOLE_SECONDS, max_size=8))
@example([EPOCH, datetime(2000, 2, 29, tzinfo=UTC), datetime(1900, 3, 1, tzinfo=UTC)])
@example([datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)])
def test_every_time_is_written_as_by_an_encoder(times: list[datetime]) -> None:
    text, starts, stops = write_times(np.array([microseconds(time) for time in times], np.int64))
    written = [text[start:stop].tobytes() for start, stop in zip(starts, stops, strict=True)]
    assert written == [msgspec.json.encode(time) for time in times]
