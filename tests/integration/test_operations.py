"""Test an operator's bad deploy on real servers: the alerts it raises, and how the service recovers."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import CommandLine
from live_service import LiveService

from schemas import topics
from schemas.alerts import Alert
from streamer.embedded import Addresses
from streamer.sources.import_records import Outgoing

pytestmark = pytest.mark.integration

BAD = 400
LIMIT = 50
SETTINGS = ("STREAMER_KAFKA", "STREAMER_REDIS", "STREAMER_TOPIC_PREFIX")


@pytest.fixture
def service(addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path) -> Iterator[LiveService]:
    made = LiveService(addresses, redis_url, prefix, tmp_path, lanes=1, STREAMER_DEADLETTER_RUN=str(LIMIT))
    try:
        yield made
    finally:
        made.close()


def order(number: int, customer: str) -> Outgoing:
    body = {
        "event_id": f"e{number}",
        "type": "order.completed",
        "customer_id": customer,
        "occurred_at": "2024-03-02T10:00:00Z",
        "order_id": str(number),
        "total": 20.0,
        "currency": "EUR",
    }
    return Outgoing(customer.encode(), json.dumps(body).encode(), ())


def served(service: LiveService, path: str) -> tuple[int, str]:
    """Return what the last worker answers; no code if it does not listen yet."""
    log = service._folder / f"lanes-{len(service.workers) - 1}.log"
    found = re.findall(r"http://[^/\"]+/metrics", log.read_text())
    if not found:
        return 0, ""
    try:
        with urllib.request.urlopen(found[-1].replace("/metrics", path), timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def alerts(service: LiveService) -> list[Alert]:
    return [Alert.model_validate_json(record.value) for record in service.records(topics.ALERTS, 0)]


def logged(service: LiveService, name: str) -> list[dict[str, Any]]:
    """Return log lines of the last worker with a message."""
    log = service._folder / f"lanes-{len(service.workers) - 1}.log"
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if name in line["message"]]


def test_a_bad_deploy_stops_the_lane_is_reported_everywhere_and_a_restart_goes_on(
    service: LiveService, tmp_path: Path
) -> None:
    service.publish([order(1, "ann"), *(Outgoing(b"ann", b"{", ()) for _ in range(BAD)), order(2, "ann")])
    service.start()
    service.wait(lambda: served(service, "/readyz")[0] == 503 and "has stopped" in served(service, "/readyz")[1])
    why = f"at offset {1 + LIMIT}: {LIMIT} records one after the other were refused; `streamer lanes resume 0` tries again"
    assert served(service, "/readyz")[1] == f"lane 0 has stopped: {why}\n"
    assert served(service, "/healthz")[0] == 200
    metrics = served(service, "/metrics")[1]
    assert 'streamer_lane_stopped{lane="0"} 1.0' in metrics
    # Where it stopped: the good order and the records up to the limit, and not one more.
    assert [one.next_offset for one in service.ledgers()] == [1 + LIMIT]
    assert len(service.records(topics.DEADLETTERS, 0)) == LIMIT
    (line,) = logged(service, "lane stopped")
    assert (line["log.level"], "LaneStopped.md" in line["message"]) == ("error", True)
    service.wait(lambda: "LaneStopped" in [alert.name for alert in alerts(service)])
    (alert,) = [alert for alert in alerts(service) if alert.name == "LaneStopped"]
    assert (alert.type, alert.lane, alert.severity) == ("alert.raised", 0, "critical")
    assert alert.summary.endswith(why)

    run = CommandLine(tmp_path, {name: service.environment[name] for name in SETTINGS}).run
    answer = run("status")
    assert (answer.exit_code, f"lane 0 has stopped {why}" in answer.stdout) == (1, True)
    answer = run("lanes", "--json")
    (lane,) = json.loads(answer.stdout)
    assert (answer.exit_code, lane["offset"], lane["why"]) == (1, 1 + LIMIT, why.split(": ")[1].split(";")[0])
    assert lane["lag"] == BAD + 1 - LIMIT and "@" in lane["owner"]
    answer = run("doctor", "--json")
    (finding,) = [one for one in json.loads(answer.stdout)["findings"] if one["subject"] == "alert"]
    assert (answer.exit_code, finding["hint"]) == (1, "see docs/runbooks/LaneStopped.md")
    assert "lane 0 has stopped" in finding["text"]

    # SIGTERM ends it cleanly although its lane is stopped; the next worker continues and does not raise the alert
    # again.
    service.workers[-1].terminate()
    assert service.workers[-1].wait(20) == 0
    service.environment |= {"STREAMER_DEADLETTER_RUN": "0", "STREAMER_DEADLETTER_RATIO": "1"}
    service.start()
    service.wait_until_applied()
    service.wait(lambda: served(service, "/readyz")[0] == 200)
    assert [one.type for one in alerts(service) if one.name == "LaneStopped"] == ["alert.raised"]
    (ledger,) = service.ledgers()
    assert (ledger.applied, ledger.dead_letters, ledger.unaccounted) == (2, {"not_json": BAD}, 0)
    assert service.parity().differences == []
    # Ids in logs are hashed, and payloads are never logged.
    assert "ann" not in service.logs().replace("channel", "").replace("planned", "")
