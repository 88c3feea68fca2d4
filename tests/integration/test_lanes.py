"""Test a lane that stops on real servers: the others continue, alerts are raised, and one command restarts it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import CommandLine
from confluent_kafka import Producer
from live_service import LiveService

from schemas import topics
from schemas.deadletters import parse_headers
from schemas.partition import partition_for
from streamer.embedded import Addresses
from streamer.sources.import_records import Outgoing

pytestmark = pytest.mark.integration

LANES = 2
STOPS = "lane stopped (see docs/runbooks/LaneStopped.md)"
SETTINGS = ("STREAMER_KAFKA", "STREAMER_REDIS", "STREAMER_TOPIC_PREFIX")


@pytest.fixture
def service(addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path) -> Iterator[LiveService]:
    with LiveService(addresses, redis_url, prefix, tmp_path, lanes=LANES) as made:
        yield made


def order(name: str, customer: str) -> Outgoing:
    body = {
        "event_id": name,
        "type": "order.completed",
        "customer_id": customer,
        "occurred_at": "2025-03-02T10:00:00Z",
        "order_id": name,
        "total": 20.0,
        "currency": "EUR",
    }
    return Outgoing(customer.encode(), json.dumps(body).encode(), ())


def of_lane(lane: int, count: int) -> list[str]:
    found = (f"c{number}" for number in range(10_000))
    return [id for id in found if partition_for(id.encode(), LANES) == lane][:count]


def test_a_lane_that_cannot_get_past_a_record_stops_alone_and_skip_gets_it_going(
    service: LiveService, tmp_path: Path
) -> None:
    """The worker raises for every step with ``broken`` in it, like a bug of ours."""
    here, there = of_lane(0, 3), of_lane(1, 3)
    worker = service.start(module="breaking_worker")
    service.publish([order("before", here[0]), order("broken", here[1]), order("after", here[2])])
    service.publish([order(f"other-{id}", id) for id in there])
    service.wait(lambda: [one for one in service.ledgers() if one.partition == 1 and one.applied == 3] != [])
    service.wait(lambda: service.logged(worker, STOPS) != [])
    assert worker.poll() is None
    service.publish([order(f"more-{id}", id) for id in there])
    service.wait(lambda: [one for one in service.ledgers() if one.partition == 1 and one.applied == 6] != [])

    run = CommandLine(tmp_path, {name: service.environment[name] for name in SETTINGS}).run
    answer = run("lanes", "--json")
    stopped, running = json.loads(answer.stdout)
    assert answer.exit_code == 1
    assert (stopped["offset"], stopped["lag"], stopped["why"]) == (1, 2, "ZeroDivisionError: of this step")
    assert (running["why"], running["lag"]) == ("", 0)
    assert stopped["owner"] == running["owner"] != ""
    assert "streamer lanes skip 0:1" in stopped["hint"]
    assert run("status").exit_code == 1 and run("doctor").exit_code == 1
    for words in ("lane 0 has stopped at offset 1: ZeroDivisionError: of this step", "streamer lanes skip 0:1"):
        assert words in run("lanes").stdout.replace("\n", " ")

    refused = run("lanes", "skip", "0:0", "--yes")
    assert (refused.exit_code, "stopped at offset 1" in refused.stderr) == (1, True)
    done = run("lanes", "skip", "0:1", "--yes")
    assert (done.exit_code, "the lane resumes at offset 2" in done.stdout) == (0, True), done.stderr
    service.wait_until_applied()
    assert worker.poll() is None, "its owner takes the lane up again, and lives"
    ledger = service.ledgers()[0]
    assert (ledger.applied, ledger.dead_letters, ledger.unaccounted) == (2, {"poison": 1}, 0)
    (letter,) = service.records(topics.DEADLETTERS, 0)
    assert letter.value == order("broken", here[1]).value
    assert (parse_headers(letter.headers).reason, parse_headers(letter.headers).offset) == ("poison", 1)
    service.wait(lambda: run("status").exit_code == 0)
    assert json.loads(run("lanes", "--json").stdout)[0]["why"] == ""
    # Skipped records can be sent again, once they are known to be harmless.
    worker.terminate()
    assert worker.wait(30) == 0
    service.start()
    assert run("deadletters", "replay", "--reason", "poison", "--yes").exit_code == 0
    service.wait_until_applied()
    assert sum(one.applied for one in service.ledgers()) == 9
    assert sum(one.customers for one in service.ledgers()) == 6


def test_an_upstream_transaction_that_hides_records_is_named(service: LiveService, tmp_path: Path) -> None:
    """Its producer has left it open, so nobody can read what follows it."""
    producer = Producer({"bootstrap.servers": service.connection.bootstrap, "transactional.id": "shop-7"})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(service.connection.topic(topics.EVENTS), b"{", key=b"k", partition=1)
    assert producer.flush(30) == 0
    service.publish([order("behind", of_lane(1, 1)[0])])
    run = CommandLine(tmp_path, {name: service.environment[name] for name in SETTINGS}).run
    hidden = "2 records of lane 1 are blocked by a transaction that transactional id shop-7 left open"
    for command in ("status", "doctor"):
        assert hidden in " ".join(run(command).stdout.split()), command
    there = json.loads(run("lanes", "--json").stdout)[1]
    assert (there["hidden"], there["hidden_by"]) == (2, "transactional id shop-7")
    producer.abort_transaction(30)
    service.wait(lambda: "are blocked by" not in run("status").stdout, 30)


def test_a_process_that_dies_of_a_record_three_times_leaves_it_alone(service: LiveService, tmp_path: Path) -> None:
    here, there = of_lane(0, 2), of_lane(1, 2)
    service.publish([order("ends", here[0]), order("after", here[1]), *(order(f"o-{id}", id) for id in there)])
    for _ in range(3):
        assert service.start(module="breaking_worker").wait(60) == 139
    worker = service.start(module="breaking_worker")
    service.wait(lambda: service.logged(worker, STOPS) != [])
    service.wait(lambda: sum(one.applied for one in service.ledgers()) == 2)
    assert worker.poll() is None
    run = CommandLine(tmp_path, {name: service.environment[name] for name in SETTINGS}).run
    stopped = json.loads(run("lanes", "--json").stdout)[0]
    assert stopped["why"] == "the process ended 3 times with the batch that begins here"
    # The record turns out to be fine, so the lane retries it.
    worker.terminate()
    worker.wait(30)
    service.start()
    assert run("lanes", "resume", "0").exit_code == 0
    service.wait_until_applied()
    assert sum(one.applied for one in service.ledgers()) == 4
    assert run("lanes", "resume", "0").exit_code == 0
    assert run("lanes", "resume", "7").exit_code == 1
