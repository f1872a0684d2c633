"""`dataflows.notify` over a real Kafka: offsets in the recovery store, empty messages, a dry run."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from scripts.brokers.kafka_process import Cluster
from scripts.waiting import wait_until
from tests.support.alerts import encoded, later, make_alert, place_of
from tests.support.kafka_clients import create_topic, publish
from tests.support.notification_servers import PASSWORD, webhook
from tests.support.notify_job import NotifyJob

LISTENS = "alerts from "


@pytest.mark.long
def test_alerts_from_kafka_are_told_once_over_a_kill_and_those_that_are_taken_away_no_more(
    kafka_cluster: Cluster, tmp_path: Path
) -> None:
    name = f"test-{uuid4().hex[:12]}"
    broker = {
        "SOURCE__KIND": "kafka",
        "SINK__KIND": "kafka",
        "KAFKA__BOOTSTRAP": kafka_cluster.bootstrap,
        "KAFKA__CLIENT_ID": name,
        "KAFKA__GROUP": name,
        "TOPICS__TELEMETRY": f"{name}.telemetry",
        "TOPICS__ENRICHED": f"{name}.enriched",
        "TOPICS__DEAD_LETTER": f"{name}.dead-letter",
        "NOTIFY__CHANNELS__CHAT__REPEAT_AFTER": "0.5",
    }
    topic = f"{name}.alerts"
    create_topic(kafka_cluster, topic)
    kept, taken = make_alert("VEH-1"), make_alert("VEH-2", severity="critical", subject="oil")
    with webhook() as hook:
        job = NotifyJob(tmp_path, f"{name}/alerts", broker, {"chat": hook.url()})
        try:
            hook.status = 500
            publish(
                kafka_cluster, topic, [(place_of(kept), encoded(kept)), (place_of(taken), encoded(taken))]
            )
            job.start(sign=LISTENS)
            job.wait_for_log("status 500", 3)
            job.kill()
            hook.status = 200
            job.start(sign=LISTENS)
            wait_until(lambda: any(title.startswith("Still minor: VEH-1") for title in hook.titles), "both")
            assert hook.titles.count("Minor: VEH-1, coolant outside its limits") == 1
            assert hook.titles.count("Critical: VEH-2, oil outside its limits") == 1
            done = later(kept, state="cleared")
            publish(kafka_cluster, topic, [(place_of(taken), b""), (place_of(kept), encoded(done))])
            wait_until(
                lambda: any(title.startswith("Cleared: VEH-1") for title in hook.titles), "the clearing"
            )
            assert job.stop() == 0
            before = list(hook.titles)
            job.start(sign=LISTENS)
            again = make_alert("VEH-3", severity="critical", subject="tyre")
            publish(kafka_cluster, topic, [(place_of(again), encoded(again))])
            wait_until(lambda: len(hook.titles) > len(before), "another alert")
            assert hook.titles[len(before)] == "Critical: VEH-3, tyre outside its limits"
        finally:
            job.kill()
    assert PASSWORD not in job.log
