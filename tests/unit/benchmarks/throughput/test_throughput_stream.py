"""The stream of the throughput benchmark, and how it is measured in process."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import pytest

from benchmarks.throughput.growth import speed_together
from benchmarks.throughput.in_process import SCORED, clock
from benchmarks.throughput.peers.clock import Clock, Task
from benchmarks.throughput.peers.scorers import scorer
from benchmarks.throughput.state import measure
from benchmarks.throughput.stream import Stream, settings_text
from config.errors import BrokerError
from config.settings import Settings, load
from dataflows.decode import Decoder
from dataflows.recordings import open_recording


def settings_for(stream: Stream, directory: Path, **options: str) -> Settings:
    file = directory / "settings.toml"
    file.write_text(settings_text(stream, **options))
    return load(file)


def test_a_stream_is_the_same_every_time_and_as_large_as_documented() -> None:
    stream = Stream(5_000)
    payloads = list(stream.payloads())
    assert payloads == list(stream.payloads())
    assert len(payloads) == 5_000
    assert 175 <= statistics.mean(map(len, payloads)) <= 190


def test_vehicles_take_turns_and_each_sends_an_event_a_second() -> None:
    stream = Stream(7, vehicles=3, signals=2)
    events = [json.loads(payload) for payload in stream.payloads()]
    assert [event["vehicle_id"] for event in events] == list(stream.keys())
    assert [event["ts"][17:19] for event in events] == ["00", "00", "00", "01", "01", "01", "02"]
    assert all({"signal0", "signal1"} < event.keys() for event in events)


def test_the_job_decodes_every_event_of_a_recorded_stream(tmp_path: Path) -> None:
    stream = Stream(2_500, vehicles=100, signals=16)
    settings = settings_for(stream, tmp_path)
    decoder = Decoder(settings.payload, settings.signals)
    decoded = [decoder.decode(batch) for batch in open_recording(stream.record(tmp_path)).read()]
    assert sum(len(each.telemetry) for each in decoded) == 2_500
    assert not any(each.dead_letters for each in decoded)
    assert decoded[0].telemetry.values.shape == (1024, 16)


def test_lists_hold_the_same_events_in_the_same_order() -> None:
    stream = Stream(120)
    lists = [json.loads(message) for message in stream.lists(50)]
    assert [len(each) for each in lists] == [50, 50, 20]
    assert [event for each in lists for event in each] == list(map(json.loads, stream.payloads()))


@pytest.mark.long
def test_the_job_in_process_is_measured_after_the_warm_up(tmp_path: Path) -> None:
    stream = Stream(8_000, vehicles=50)
    clocked = clock(SCORED, stream.record(tmp_path), stream)
    assert 0.6 * 8_000 < clocked.events <= 0.8 * 8_000
    assert clocked.seconds > 0
    assert clocked.encoded_bytes > 500 * clocked.events  # whole enriched events came out


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_processes_that_share_partitions_are_measured_together(tmp_path: Path, processes: int) -> None:
    stream = Stream(24_000, vehicles=50)  # six batches for four partitions
    assert speed_together(processes, stream.record(tmp_path), stream) > 0


@pytest.mark.long
def test_the_reason_of_a_job_that_fails_in_process_is_reported(tmp_path: Path) -> None:
    stream = Stream(10)
    with pytest.raises(BrokerError, match=r"ended with status 1; it said: .*learn_every"):
        clock(SCORED, stream.record(tmp_path), stream, "[detector]\nlearn_every = -1\n")


def test_the_state_of_every_vehicle_is_measured(tmp_path: Path) -> None:
    stream = Stream(600, vehicles=120)
    found = measure(settings_for(stream, tmp_path), stream.record(tmp_path))
    assert found["state_bytes_per_vehicle"] > 8 * 8  # a mean for each signal, at the least
    assert found["snapshot_seconds"] > 0
    assert found["restore_seconds"] > 0


def test_a_peer_is_measured_from_the_first_fifth_to_the_last_event(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    peer = Clock(Task(tmp_path, 10, result, "river", "", "", "peer"))
    assert [peer.tick() for _ in range(9)] == [False] * 9
    assert not result.exists()
    assert peer.tick()
    assert json.loads(result.read_text())["events"] == 8


def test_a_peer_that_works_in_batches_is_measured_over_whole_batches(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    peer = Clock(Task(tmp_path, 10, result, "river", "", "", "peer"))
    assert [peer.tick(4), peer.tick(4), peer.tick(2)] == [False, False, True]
    assert json.loads(result.read_text())["events"] == 6, (
        "the first batch was over when the measurement started"
    )


def test_our_detector_scores_the_same_for_peers_however_events_are_batched() -> None:
    events = [json.loads(payload) for payload in Stream(600, vehicles=20).payloads()]
    score = scorer("ours")
    one_by_one = [score([event])[0] for event in events]
    assert scorer("ours")(events) == one_by_one
    assert len(set(one_by_one)) > 300


def test_a_detector_that_peers_do_not_know_is_rejected() -> None:
    with pytest.raises(ValueError, match="expected the detector river, river_large or ours, got 'theirs'"):
        scorer("theirs")
