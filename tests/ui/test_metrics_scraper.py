"""Metrics of the job, read from real servers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from scripts.brokers.ports import free_port
from ui.pipeline.metrics_scraper import MetricsScraper

TEXT = """# TYPE fleet_events_total counter
fleet_events_total{status="ok"} %d
fleet_events_total{status="late"} 5
# TYPE fleet_kafka_consumer_lag_messages gauge
fleet_kafka_consumer_lag_messages{topic="t",partition="0"} 7
fleet_kafka_consumer_lag_messages{topic="t",partition="1"} 3
# TYPE bytewax_item_inp_count counter
bytewax_item_inp_count 99
"""


class Job:
    """Serves what a process of the job would."""

    def __init__(self) -> None:
        self.body = (TEXT % 100).encode()
        self.status = 200
        job = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(job.status)
                self.end_headers()
                self.wfile.write(job.body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}/metrics"


@pytest.fixture
def job() -> Iterator[Job]:
    running = Job()
    yield running
    running.server.shutdown()
    running.server.server_close()


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_metrics_of_the_job_are_read_and_those_of_the_engine_left_out(job: Job) -> None:
    scraper = MetricsScraper([job.address])
    scraper.scrape()
    (process,) = scraper.processes()
    assert process.latest is not None
    assert process.latest.total("fleet_events_total") == 105
    assert process.latest.total("fleet_events_total", status="late") == 5
    assert process.latest.by_label("fleet_kafka_consumer_lag_messages", "partition") == {"0": 7, "1": 3}
    assert process.latest.total("bytewax_item_inp_count") == 0


def test_a_rate_is_the_rise_of_a_counter_over_the_last_seconds(job: Job) -> None:
    clock = Clock()
    scraper = MetricsScraper([job.address], clock)
    for events in (100, 300, 700):
        job.body = (TEXT % events).encode()
        scraper.scrape()
        clock.now += 2.0
    (process,) = scraper.processes()
    assert process.rate("fleet_events_total", over=10.0) == pytest.approx(150.0)
    assert process.rate("fleet_events_total", over=2.0) == pytest.approx(200.0)


def test_a_counter_that_begins_anew_has_no_negative_rate(job: Job) -> None:
    clock = Clock()
    scraper = MetricsScraper([job.address], clock)
    scraper.scrape()
    clock.now += 2.0
    job.body = (TEXT % 3).encode()
    scraper.scrape()
    (process,) = scraper.processes()
    assert process.rate("fleet_events_total") == 0.0


@pytest.mark.parametrize("trouble", ["refused", "not found", "not metrics", "not text"])
def test_what_is_wrong_with_a_process_is_said_and_the_others_are_read(job: Job, trouble: str) -> None:
    other = Job()
    address = f"http://127.0.0.1:{free_port()}/metrics" if trouble == "refused" else other.address
    other.status = 404 if trouble == "not found" else 200
    other.body = b"\xff\xfe" if trouble == "not text" else b'fleet_x{a="'
    scraper = MetricsScraper([address, job.address])
    scraper.scrape()
    broken, well = scraper.processes()
    assert broken.latest is None
    assert broken.trouble
    assert well.latest is not None


def test_a_process_that_has_gone_has_no_latest_reading(job: Job) -> None:
    scraper = MetricsScraper([job.address])
    scraper.scrape()
    job.status = 500
    scraper.scrape()
    (process,) = scraper.processes()
    assert process.latest is None
    assert len(process.readings) == 1
    assert "500" in process.trouble or "Internal" in process.trouble
