"""JSON lines: recordings and plain telemetry, written, read, appended to and damaged."""

from __future__ import annotations

import gzip
import json
import logging
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import RecordingError
from dataflows.events import RecordedMessage
from dataflows.messages import MessageBatch
from dataflows.recordings import JsonLinesWriter, RecordingWriter, discover_columns, open_recording
from dataflows.recordings.envelope import decode, encode
from dataflows.recordings.writer import MEMBER_BYTES, end_of_lines

NOON = 1_700_000_000_000_000
PLAIN_AND_GZIP = pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz"])


def messages(*payloads: bytes, start: int = NOON) -> MessageBatch:
    return MessageBatch(
        payloads=list(payloads),
        topics=[f"fleet/telemetry/{index}" for index in range(len(payloads))],
        arrived=[start + index for index in range(len(payloads))],
        origin="mqtt",
    )


def read_all(path: Path, start: int = 0, batch_size: int = 1024) -> MessageBatch:
    whole = MessageBatch(payloads=[], topics=[], arrived=[], origin=path.name, offsets=[])
    for batch in open_recording(path).read(start, batch_size):
        assert len(batch) <= batch_size
        assert batch.origin == path.name
        assert whole.offsets is not None
        assert batch.offsets is not None
        whole.payloads.extend(batch.payloads)
        whole.topics.extend(batch.topics)
        whole.arrived.extend(batch.arrived)
        whole.offsets.extend(batch.offsets)
    return whole


def record(path: Path, *payloads: bytes) -> MessageBatch:
    batch = messages(*payloads)
    with RecordingWriter(path) as writer:
        writer.write(batch)
    return batch


AWKWARD_PAYLOADS = [
    b'{"speed": 61.20}',
    b'{"speed":1.0,\r"rpm":2}',
    b'{"speed":\n1}',
    b' {"speed":1}',
    b'{"speed":1}\r',
    b"null",
    b'""',
    b"",
    b"\n",
    b"NaN",
    b"1e999",
    b'"\xff"',
    b'{"a":"\\ud800"}',
    b"\x00\xff",
    b"[" * 100_000,
    '{"unit":"°C"}'.encode(),
]


@PLAIN_AND_GZIP
def test_a_recording_gives_back_payloads_topics_and_arrival_times_as_they_came(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"trip{suffix}"
    written = record(path, *AWKWARD_PAYLOADS)
    read = read_all(path, batch_size=3)
    assert read.payloads == written.payloads
    assert read.topics == written.topics
    assert read.arrived == written.arrived
    assert read.offsets == list(range(len(AWKWARD_PAYLOADS)))


JSON_DOCUMENTS = st.recursive(st.floats() | st.text(), st.lists).map(json.dumps).map(str.encode)


@given(
    payload=st.binary() | JSON_DOCUMENTS,
    topic=st.text(st.characters(exclude_categories=["Cs"])),
    arrived=st.integers(-(10**15), 10**17),
)
def test_any_message_survives_its_line(payload: bytes, topic: str, arrived: int) -> None:
    line = encode(payload, topic, arrived)
    assert b"\n" not in line
    assert decode(line) == (payload, topic, arrived, "")


@given(
    payloads=st.lists(st.binary(max_size=20) | JSON_DOCUMENTS, min_size=1, max_size=20),
    suffix=st.sampled_from([".jsonl", ".jsonl.gz"]),
    data=st.data(),
)
def test_any_recording_read_from_anywhere_in_any_batches_is_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, payloads: list[bytes], suffix: str, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("recording") / f"trip{suffix}"
    record(path, *payloads)
    start = data.draw(st.integers(0, len(payloads)))
    assert read_all(path, start, data.draw(st.integers(1, 21))).payloads == payloads[start:]


def test_json_is_recorded_readably_and_anything_else_as_base64(tmp_path: Path) -> None:
    path = tmp_path / "trip.jsonl"
    record(path, b'{"speed": 61.20}', b"\x00")
    first, second = path.read_bytes().splitlines()
    assert b'"payload":{"speed": 61.20}' in first
    assert b"base64" not in first
    assert json.loads(second)["payload_base64"] == "AA=="


@pytest.mark.parametrize("start", [0, 1, 7, 9, 10])
@PLAIN_AND_GZIP
def test_reading_from_an_offset_gives_the_rest_of_the_whole_reading(
    tmp_path: Path, suffix: str, start: int
) -> None:
    path = tmp_path / f"trip{suffix}"
    written = record(path, *(b"%d" % number for number in range(10)))
    rest = read_all(path, start, batch_size=4)
    assert rest.payloads == written.payloads[start:]
    assert rest.arrived == written.arrived[start:]
    assert rest.offsets == list(range(start, 10))


def test_reading_from_beyond_the_end_is_refused_as_the_file_must_have_been_replaced(tmp_path: Path) -> None:
    path = tmp_path / "trip.jsonl"
    record(path, b"1", b"2")
    with pytest.raises(RecordingError, match="at least the 3 messages already read from it, got 2"):
        read_all(path, start=3)


def test_a_bad_line_in_a_recording_comes_through_as_its_own_bytes(tmp_path: Path) -> None:
    path = tmp_path / "trip.jsonl"
    good = encode(b"1", "fleet/telemetry/a", NOON)
    neither = b'{"topic":"t","arrived_at":"2024-01-01T00:00:00Z"}'
    both = b'{"topic":"t","arrived_at":"2024-01-01T00:00:00Z","payload":1,"payload_base64":""}'
    no_zone = b'{"topic":"t","arrived_at":"2024-01-01T00:00:00","payload":1}'
    path.write_bytes(b"\n".join([good, good[:-9], b"\xff\x00", neither, both, no_zone, good]))
    read = read_all(path)
    assert read.payloads == [b"1", good[:-9], b"\xff\x00", neither, both, no_zone, b"1"]
    assert read.topics[1:6] == ["trip"] * 5
    assert read.arrived == [NOON] * 7


def test_plain_telemetry_is_a_message_a_line_and_a_second_apart(tmp_path: Path) -> None:
    path = tmp_path / "veh-1.morning.ndjson"
    path.write_bytes(b'\xef\xbb\xbf{"speed":1}\r\n\n   \n\xff bad\n{"speed":3}')
    read = read_all(path)
    assert read.payloads == [b'{"speed":1}', b"\xff bad", b'{"speed":3}']
    assert read.topics == ["veh-1.morning"] * 3
    assert read.arrived == [0, 1_000_000, 2_000_000]
    assert read.offsets == [0, 1, 2]


def test_a_recording_made_by_any_encoder_of_the_wire_contract_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "trip.jsonl"
    moment = datetime(2024, 5, 1, 12, 0, 0, 250_000, tzinfo=UTC)
    path.write_bytes(
        msgspec.json.encode(RecordedMessage(topic="t", arrived_at=moment, payload=msgspec.Raw(b"1.50")))
    )
    assert read_all(path).payloads == [b"1.50"]
    assert read_all(path).arrived == [1_714_564_800_250_000]


def test_a_recording_cut_off_in_its_gzip_data_gives_every_whole_line_and_then_says_so(tmp_path: Path) -> None:
    path = tmp_path / "trip.jsonl.gz"
    written = record(path, *(b'{"number":%d}' % number for number in range(500)))
    path.write_bytes(path.read_bytes()[:-20])
    batches = open_recording(path).read(batch_size=64)
    got: list[bytes] = []
    with pytest.raises(RecordingError, match=r"trip\.jsonl\.gz: gzip data damaged") as caught:
        got.extend(payload for batch in batches for payload in batch.payloads)
    assert got == written.payloads[: len(got)]
    assert f"after line {len(got)}:" in str(caught.value)
    assert len(got) > 400


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("trip.xlsx", b"1", "expected a name that ends in .jsonl"),
        ("trip.parquet.gz", b"1", "expected a name that ends in .jsonl"),
        ("trip", b"1", "expected a name that ends in .jsonl"),
        ("trip.jsonl", None, "there is no such file"),
        ("trip.jsonl", b"", "empty"),
        ("trip.jsonl", b"\n \n", "empty"),
        ("trip.jsonl.gz", gzip.compress(b"", mtime=0), "empty"),
        ("trip.jsonl.gz", b"", "empty"),
        ("trip.jsonl.gz", b'{"speed":1}', "gzip data damaged"),
        ("trip.jsonl.gz", gzip.compress(b"x" * 100, mtime=0)[:15], "gzip data damaged"),
        ("trip.jsonl", gzip.compress(b"1", mtime=0), "rename it to trip.jsonl.gz"),
        ("trip.json", b'[\n  {"speed": 1}\n]', "one document over many lines"),
        ("trip.jsonl", '{"speed":1}'.encode("utf-16"), "UTF-16"),
        ("trip.csv", None, "there is no such file"),
        ("trip.csv", b"", "empty"),
        ("trip.csv", b"speed,rpm\n", "expected rows below the header, got none"),
        ("trip.csv", b"1,2\n3,4\n", "expected a header line"),
        pytest.param(
            "trip.csv", b'speed\n1\n"' + b"2\n" * 600_000, "quotation mark never closed", id="open quotation"
        ),
        ("trip.csv.gz", gzip.compress(b"speed\n1\n", mtime=0)[:-3], "gzip data damaged"),
        ("trip.parquet", b"", "expected Parquet"),
        ("trip.parquet", b"PAR1 nonsense PAR1", "expected Parquet"),
    ],
)
def test_what_cannot_be_read_gives_a_one_line_error_that_names_the_file(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RecordingError) as caught:
        list(open_recording(path).read())
    assert message in str(caught.value)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_directory_is_not_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "trip.csv"
    path.mkdir()
    with pytest.raises(RecordingError, match="is a directory"):
        open_recording(path)


@PLAIN_AND_GZIP
def test_reading_reports_its_position_up_to_the_size_of_the_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"trip{suffix}"
    record(path, *(b"%d" % number for number in range(20_000)))
    recording = open_recording(path)
    positions = [recording.position for _ in recording.read(batch_size=100)]
    assert positions == sorted(positions)
    assert 0 < positions[0] < recording.size_bytes
    assert recording.position == recording.size_bytes == path.stat().st_size
    assert [recording.position for _ in recording.read(batch_size=100_000)] == [recording.size_bytes]


@PLAIN_AND_GZIP
def test_a_writer_appends_where_it_was_flushed_and_cuts_off_what_follows(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"trip{suffix}"
    with RecordingWriter(path) as writer:
        writer.write(messages(b"1", b"2"))
        position = writer.flush()
        writer.write(messages(b"lost"))
    assert path.stat().st_size > position
    with RecordingWriter(path, append_at=position) as writer:
        writer.write(messages(b"3"))
    assert read_all(path).payloads == [b"1", b"2", b"3"]


@PLAIN_AND_GZIP
@pytest.mark.parametrize("append_at", [None, 0])
def test_a_writer_without_a_position_replaces_the_file(
    tmp_path: Path, suffix: str, append_at: int | None
) -> None:
    path = tmp_path / "made" / f"trip{suffix}"
    record(path, b"1", b"2")
    with RecordingWriter(path, append_at) as writer:
        writer.write(messages(b"3"))
    assert read_all(path).payloads == [b"3"]


@pytest.mark.parametrize("exists", [True, False])
def test_a_file_shorter_than_the_position_to_append_at_is_refused(tmp_path: Path, exists: bool) -> None:
    path = tmp_path / "trip.jsonl"
    if exists:
        path.write_bytes(b"1\n")
    with pytest.raises(RecordingError, match="at least the 3 bytes of the last snapshot, got "):
        RecordingWriter(path, append_at=3)


def test_a_plain_recording_shows_every_message_as_soon_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "trip.jsonl"
    with RecordingWriter(path) as writer:
        writer.write(messages(b"1"))
        assert read_all(path).payloads == [b"1"]


def test_a_gzip_recording_can_be_read_at_any_time_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "trip.jsonl.gz"
    with RecordingWriter(path) as writer:
        writer.write(messages(b"1"))
        assert path.stat().st_size == writer.position == 0
        assert writer.flush() == writer.position == path.stat().st_size
        writer.write(messages(b"2"))
        assert read_all(path).payloads == [b"1"]
        big = b'"%s"' % (b"x" * MEMBER_BYTES)
        writer.write(messages(big))
        assert read_all(path).payloads == [b"1", b"2", big]


def test_the_same_messages_give_the_same_gzip_bytes(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.jsonl.gz", "b.jsonl.gz")]
    for path in paths:
        record(path, b"1", b"2")
    assert paths[0].read_bytes() == paths[1].read_bytes()
    time_of_compression = paths[0].read_bytes()[4:8]  # RFC 1952, MTIME
    assert time_of_compression == bytes(4)


def test_a_gzip_file_whose_writer_was_killed_is_appended_to_after_its_last_whole_member(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "trip.jsonl.gz"
    with RecordingWriter(path) as writer:
        writer.write(messages(b"1"))
        writer.flush()
        writer.write(messages(b"2"))
        whole = writer.flush()
        writer.write(messages(b"3"))
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 5)
    with caplog.at_level(logging.WARNING):
        assert end_of_lines(path) == whole
    assert "an incomplete gzip member" in caplog.text


def test_a_plain_file_is_appended_to_after_a_line_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "trip.jsonl"
    record(path, b"1")
    with path.open("ab") as file:
        file.write(b'{"topic":"t","arr')
    with RecordingWriter(path, append_at=end_of_lines(path)) as writer:
        writer.write(messages(b"2"))
    assert read_all(path).payloads == [b"1", b'{"topic":"t","arr', b"2"]


def test_a_gzip_file_damaged_in_its_middle_is_never_cut(tmp_path: Path) -> None:
    path = tmp_path / "trip.jsonl.gz"
    record(path, b"1")
    path.write_bytes(path.read_bytes() + b"not gzip" + path.read_bytes())
    with pytest.raises(RecordingError, match="cannot append to it"):
        end_of_lines(path)


def test_a_file_that_does_not_exist_is_appended_to_at_its_start(tmp_path: Path) -> None:
    assert end_of_lines(tmp_path / "trip.jsonl") == 0


@pytest.mark.parametrize("name", ["trip.csv", "trip.gz", "trip", "directory.jsonl", "file/trip.jsonl"])
def test_what_cannot_be_written_is_refused_before_the_first_message(tmp_path: Path, name: str) -> None:
    (tmp_path / "directory.jsonl").mkdir()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RecordingError, match=name):
        JsonLinesWriter(tmp_path / name)


def test_line_feeds_within_a_document_do_not_split_it(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    with JsonLinesWriter(path) as writer:
        writer.write([b'{\n  "speed": 1\n}', b'{"speed": "a\\nb"}'])
    assert [json.loads(line) for line in path.read_bytes().splitlines()] == [{"speed": 1}, {"speed": "a\nb"}]


@pytest.mark.parametrize("recorded", [True, False])
def test_json_lines_are_searched_for_numbers_and_where_they_are(tmp_path: Path, recorded: bool) -> None:
    path = tmp_path / "trip.jsonl"
    lines = [
        b'{"id": "VEH-1", "speed": 1, "engine": {"oil/C": 80.5}, "on": true, "at": [1, 2]}',
        b"not JSON",
        b'{"id": "VEH-1", "speed": null, "rpm": 800}',
    ]
    if recorded:
        record(path, *lines)
    else:
        path.write_bytes(b"\n".join(lines))
    columns = discover_columns(path)
    assert [(column.name, column.pointer) for column in columns] == [
        ("id", "/id"),
        ("speed", "/speed"),
        ("engine.oil/C", "/engine/oil~1C"),
        ("on", "/on"),
        ("rpm", "/rpm"),
    ]
    assert [column.name for column in columns if column.numeric] == ["speed", "engine.oil/C", "rpm"]
    assert [column.name for column in discover_columns(path, sample=1)][-1] == "on"


def test_json_lines_without_objects_have_nothing_to_discover(tmp_path: Path) -> None:
    path = tmp_path / "trip.jsonl"
    path.write_bytes(b"1\n2\n")
    with pytest.raises(RecordingError, match="expected JSON objects"):
        discover_columns(path)
