"""The page *Pipeline*."""

from __future__ import annotations

from datetime import UTC

import msgspec
import pytest
from streamlit.testing.v1 import AppTest

from config.settings import load
from dataflows.events import DeadLetter
from tests.support.enriched_events import START
from tests.support.staged_metrics import process, values, well
from ui.live.fleet_state import DEAD_LETTERS_KEPT, FleetState
from ui.pipeline.charts import latency_frame, rate_frame
from ui.pipeline.metrics_scraper import ProcessMetrics
from ui.pipeline.page import how_to_see_metrics, summary
from ui.pipeline.tables import (
    bad_values_frame,
    dead_letter_frame,
    process_frame,
    reason_frame,
    sample_of,
    shard_frame,
)


def letter(number: int, payload: bytes = b"{oops") -> DeadLetter:
    return DeadLetter(
        reason=f"reason {number}", payload=payload, topic="t", partition="mqtt", offset=None, arrived_at=START
    )


def test_a_process_that_answers_has_figures_and_another_its_trouble() -> None:
    gone = process(trouble="Connection refused", address="http://b:9465/metrics")
    frame = process_frame([well(), gone])
    assert frame["Process"].tolist() == ["fleet at 127.0.0.1:9464", "b:9465"]
    assert frame["State"].tolist() == ["ready", "no answer: Connection refused"]
    assert frame["Events/s"].tolist() == ["100", ""]
    assert frame["Latency, 95 %"].tolist() == ["960 ms", ""]
    assert frame["To read"].tolist() == ["3", ""]
    assert frame["Snapshot"].tolist() == ["5.0 s ago", ""]
    assert frame["Of a core"].tolist() == ["50%", ""]


@pytest.mark.parametrize(
    ("processes", "said"),
    [
        ([], "no metrics are read"),
        ([process(trouble="not asked yet")], "are being asked"),
        ([well()], "1 of 1 processes are ready"),
        ([well(), process(trouble="gone")], "1 of 2 processes are ready"),
        ([process(values(fleet_ready=0), not_ready=("x",))], "0 of 1 processes are ready, 1 answer"),
    ],
)
def test_the_first_line_says_how_many_processes_are_ready(processes: list[ProcessMetrics], said: str) -> None:
    assert said in summary(processes)


def test_a_shard_has_a_row_whichever_process_owns_it() -> None:
    frame = shard_frame([well(), process(trouble="gone")])
    assert frame["Shard"].tolist() == ["0"]
    assert frame["Threshold"].tolist() == ["5"]
    assert frame["Event time"].tolist() == ["1.0 s ago"]


def test_the_rate_is_not_drawn_across_a_restart() -> None:
    readings = [values(fleet_events_total={"status=ok": count}) for count in (100, 300, 10, 50)]
    assert rate_frame([process(*readings, every=2.0)])["rate"].tolist() == [100.0, 20.0]


def test_a_process_that_scores_nothing_has_no_line() -> None:
    assert rate_frame([process(values(fleet_history_bytes=1.0), values(fleet_history_bytes=2.0))]).empty


def test_the_latency_is_drawn_as_two_lines() -> None:
    frame = latency_frame([well()])
    assert dict(zip(frame["share"], frame["seconds"], strict=True)) == pytest.approx(
        {"half of the events": 0.505, "95 % of the events": 0.96}, abs=0.01
    )


def test_signals_with_unreadable_values_and_reasons_come_the_most_first() -> None:
    some = well(
        fleet_bad_values_total={"signal=speed": 2, "signal=fuel": 9, "signal=rpm": 0},
        fleet_dead_letters_total={"reason=not_json": 1, "reason=time": 4},
    )
    assert bad_values_frame([some])["Signal"].tolist() == ["fuel", "speed"]
    assert reason_frame([some])["Reason"].tolist() == ["time", "not json"]
    assert reason_frame([some])["Last minute"].tolist() == ["4", "1"]


def test_dead_letters_are_shown_with_their_reason_and_without_control_characters() -> None:
    frame = dead_letter_frame([letter(1, b"\x00\xff{"), letter(2)], UTC)
    assert frame["Reason"].tolist() == ["reason 1", "reason 2"]
    assert frame["Bytes"].tolist() == ["3", "5"]
    assert frame["Begins with"].tolist() == ["00 ff 7b", "{oops"]
    assert all(text.isprintable() for text in frame["Begins with"])


def test_the_latest_dead_letters_are_kept_the_newest_first() -> None:
    state = FleetState(load().page)
    for number in range(DEAD_LETTERS_KEPT + 7):
        state.record_dead_letter(msgspec.json.encode(letter(number)))
    state.record_dead_letter(b"not even that")
    fleet = state.snapshot()
    assert fleet.dead_letters == DEAD_LETTERS_KEPT + 8
    assert len(fleet.latest_dead_letters) == DEAD_LETTERS_KEPT
    assert fleet.latest_dead_letters[0].reason == f"reason {DEAD_LETTERS_KEPT + 6}"


@pytest.mark.parametrize("word", ["FLEET__MONITORING__PORT=9464", "`page.metrics`", "127.0.0.1:9464"])
def test_without_metrics_it_says_how_to_get_them(word: str) -> None:
    assert word in how_to_see_metrics(load())


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        (b"", ""),
        (b"plain", "plain"),
        ("Käfer über €".encode(), "Käfer über €"),
        (b"\x1f\x8b\x08\x00", "1f 8b 08 00"),
        (b"a" * 300, "a" * 119 + "…"),
        (("€" * 200).encode()[:-1], "€" * 119 + "…"),
        (b"\xff" * 300, " ".join(["ff"] * 40)),
    ],
)
def test_a_payload_is_shown_as_text_or_in_hexadecimal(payload: bytes, shown: str) -> None:
    assert sample_of(payload) == shown


@pytest.mark.parametrize("kind", ["none", "gone", "well", "ill"])
def test_the_page_is_drawn_whatever_the_processes_are(kind: str) -> None:
    def script(kind: str) -> None:
        from datetime import UTC

        from config.settings import load
        from tests.support.staged_metrics import process, well
        from ui.live.fleet_state import FleetState
        from ui.pipeline.page import show_pipeline

        staged = {
            "none": [],
            "gone": [process(trouble="Connection refused")],
            "well": [well()],
            "ill": [well(fleet_drifts_total={"shard=0": 1}), process(trouble="Connection refused")],
        }
        show_pipeline(load(), FleetState(load().page).snapshot(), staged[kind], UTC)

    app = AppTest.from_function(script, kwargs={"kind": kind}, default_timeout=60.0).run()
    assert not app.exception
    assert bool(app.info) == (kind in ("none", "gone"))
    assert bool(app.success) == (kind == "well")
    assert bool(app.error) == bool(app.warning) == (kind == "ill")
    assert bool(app.metric) == (kind in ("well", "ill"))
