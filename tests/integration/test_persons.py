"""Test profiles, consents, feedback, links and erases on real servers."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from live_service import LiveService
from web_process import web

from schemas import topics
from schemas.partition import partition_for
from schemas.wire_time import iso
from streamer.embedded import Addresses
from streamer.replay.parity import replay
from streamer.sources.import_records import Outgoing

pytestmark = pytest.mark.integration

PERSON, DEVICE = "person-one", "device-one"


@pytest.fixture
def service(addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path) -> Iterator[LiveService]:
    service = LiveService(addresses, redis_url, prefix, tmp_path)
    yield service
    service.close()


class Sent:
    """Numbers events, a millisecond apart."""

    def __init__(self) -> None:
        self.at = time.time_ns() // 1_000_000 - 60_000
        self.number = 0

    def __call__(self, type: str, customer: str, **fields: Any) -> Outgoing:
        self.number += 1
        self.at += 1
        head = {"event_id": f"e{self.number}", "type": type, "customer_id": customer, "occurred_at": iso(self.at)}
        key = fields.get("anonymous_id", customer)
        return Outgoing(key.encode(), json.dumps({**head, **fields}).encode(), ())

    def order(self, customer: str, total: float = 60.0) -> Outgoing:
        return self("order.completed", customer, order_id=f"o{self.number}", total=total, currency="EUR")


def settled(service: LiveService) -> None:
    """Wait until everything is applied, including what lanes wrote for each other."""
    for _ in range(4):
        service.wait_until_applied()


def compacted(service: LiveService, topic: str, partitions: int) -> dict[bytes, bytes]:
    """Return a topic after compaction: the last value of each key, without tombstones."""
    latest: dict[bytes, bytes | None] = {}
    for partition in range(partitions):
        latest.update({record.key: record.value for record in service.records(topic, partition)})
    return {key: value for key, value in latest.items() if value is not None}


def everything_in_redis(url: str, prefix: str) -> bytes:
    """Return all keys and values of a service as bytes."""
    client = redis.Redis.from_url(url)
    heap: list[bytes] = []
    try:
        for key in client.scan_iter(match=f"{prefix}*"):
            heap += [key, b"|".join(_values(client, key))]
    finally:
        client.close()
    return b"\n".join(heap)


def _values(client: Any, key: bytes) -> list[bytes]:
    match client.type(key):
        case b"string":
            return [client.get(key)]
        case b"hash":
            return [part for pair in client.hgetall(key).items() for part in pair]
        case b"zset":
            return list(client.zrange(key, 0, -1))
        case _:
            return list(client.smembers(key))


def snapshot_of_the_owner(panel: dict[bytes, bytes]) -> bytes:
    pieces = sorted((key, value) for key, value in panel.items() if key.startswith(b"!learner:"))
    return zlib.decompress(b"".join(msgspec.msgpack.decode(value)[2] for _, value in pieces)) if pieces else b""


@pytest.mark.parametrize("erased", [PERSON, DEVICE])
def test_an_erased_person_is_nowhere_and_a_replay_ends_erased(
    service: LiveService, redis_url: str, erased: str
) -> None:
    assert partition_for(PERSON.encode(), 4) != partition_for(DEVICE.encode(), 4)
    sent = Sent()
    service.start()
    service.start("owner")
    service.start("act")
    service.publish(
        [
            sent("subscription.updated", DEVICE, list="offers", subscribed=False),
            sent("subscription.updated", PERSON, list="offers", subscribed=False),
            sent("subscription.updated", "somebody-else", list="offers", subscribed=True),
            sent.order(DEVICE),
            sent("identity.linked", PERSON, anonymous_id=DEVICE),
            sent.order(PERSON),
            sent.order(DEVICE),
            sent("profile.updated", PERSON, traits={"city": "Bonn", "custom": {"size": 4}}),
            sent("feedback.submitted", PERSON, kind="nps", rating=9, body="well done"),
            sent("message.outcome", PERSON, message_id="m", change_event_id="c", outcome="opened"),
            sent.order("somebody-else"),
        ]
    )
    settled(service)
    assert PERSON.encode() in everything_in_redis(redis_url, service.prefix)
    document = json.loads(service.document(PERSON) or b"{}")
    assert document["features"]["orders"] == 3
    service.wait(lambda: {b"p:" + PERSON.encode(), b"p:" + DEVICE.encode()} <= compacted(service, topics.ACT, 1).keys())
    erase = sent("customer.erased", erased)
    service.publish([erase])
    settled(service)
    # A retry of an earlier event.
    service.publish([erase, sent.order("somebody-else")])
    settled(service)
    panel: dict[bytes, bytes] = {}

    def forgotten() -> bool:
        nonlocal panel
        panel = compacted(service, topics.PANEL, 1)
        snapshot = snapshot_of_the_owner(panel)
        return bool(snapshot) and PERSON.encode() not in snapshot

    service.wait(forgotten)
    heaps = {
        "redis": everything_in_redis(redis_url, service.prefix),
        "panel": b"\n".join([*panel.keys(), *panel.values()]),
    }
    # Act reads the lanes at its own pace.
    service.wait(lambda: not any(key.startswith(b"p:") and b"one" in key for key in compacted(service, topics.ACT, 1)))
    for topic, partitions in ((topics.STATE, service.lanes), (topics.MEMBERSHIPS, service.lanes), (topics.ACT, 1)):
        held = compacted(service, topic, partitions)
        heaps[topic] = b"\n".join([*held.keys(), *held.values()])
    for name, heap in heaps.items():
        assert PERSON.encode() not in heap and DEVICE.encode() not in heap, name
        assert b"somebody-else" in heap, name
    assert service.parity().differences == []
    for ledger in service.ledgers():
        lane = ledger.partition
        state, _ = replay(service.records(topics.EVENTS, lane), lane, service.policy, ledger.clock)
        assert not {PERSON, DEVICE} & set(state.cache.customers)
    assert sum(ledger.customers for ledger in service.ledgers()) == 1
    # A lost view is restored without them, and a returning customer is new.
    service.wipe_view()
    service.publish([sent.order("somebody-else"), sent.order(PERSON, 10.0)])
    settled(service)
    assert DEVICE.encode() not in everything_in_redis(redis_url, service.prefix)
    changes = [change for change in service.changes() if change["customer_id"] == PERSON]
    assert [change["seq"] for change in changes[-2:]] == [1, 2] and changes[-1]["to"]["id"] == "new"
    assert len({change["event_id"] for change in changes}) == len(changes)
    assert service.parity().differences == []


def test_consent_withdrawn_and_given_again(service: LiveService) -> None:
    sent = Sent()
    service.start()

    def consent(yes: bool) -> Outgoing:
        return sent("consent.updated", PERSON, personalization=yes, marketing=True, analytics=True)

    service.publish([sent.order(PERSON), consent(False), sent.order(PERSON)])
    settled(service)
    ends = [change for change in service.changes() if change["to"] is None]
    assert {change["segmentation"] for change in ends} == {"value", "lifecycle"}
    assert {(change["cause"], change["automation_safe"]) for change in ends} == {("consent", False)}
    assert PERSON.encode() not in compacted(service, topics.MEMBERSHIPS, service.lanes)
    document = json.loads(service.document(PERSON) or b"{}")
    assert (document["segments"], document["features"]["orders"]) == ({}, 0)
    service.publish([consent(True), sent.order(PERSON)])
    settled(service)
    document = json.loads(service.document(PERSON) or b"{}")
    assert (document["segments"]["lifecycle"], document["features"]["orders"]) == ("new", 1)
    assert service.parity().differences == []


def test_a_profile_is_the_cause_of_what_it_alone_brings_and_a_merge_crosses_lanes_signed(
    addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path
) -> None:
    service = LiveService(addresses, redis_url, prefix, tmp_path, STREAMER_CONTROL_KEY="0123456789abcdef")
    sent = Sent()
    try:
        service.start()
        service.publish(
            [
                sent.order(DEVICE, 30.0),
                sent.order(PERSON, 30.0),
                sent("identity.linked", PERSON, anonymous_id=DEVICE),
                sent("identity.linked", PERSON, anonymous_id=DEVICE),
                sent.order(DEVICE, 5.0),
                sent("profile.updated", "newcomer", traits={"birth_year": 1990}),
            ]
        )
        settled(service)
        assert sum(sum(ledger.dead_letters.values()) for ledger in service.ledgers()) == 0
        document = json.loads(service.document(PERSON) or b"{}")
        assert (document["features"]["orders"], document["features"]["spend"]) == (3, 65.0)
        assert service.document(DEVICE) is None
        merged = [change for change in service.changes() if change["cause"] == "merge"]
        assert sorted(change["segmentation"] for change in merged if change["customer_id"] == PERSON) == [
            "lifecycle",
            "value",
        ]
        assert all(change["to"] is None for change in merged if change["customer_id"] == DEVICE)
        causes = {change["cause"] for change in service.changes() if change["customer_id"] == "newcomer"}
        assert causes == {"profile"}
    finally:
        service.close()


def command(service: LiveService, *words: str) -> dict[str, Any]:
    """Return a command's JSON output."""
    done = subprocess.run(
        [sys.executable, "-m", "streamer", "customer", *words],
        env=service.environment,
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_an_erased_person_leaves_the_read_model(service: LiveService, tmp_path: Path) -> None:
    sent = Sent()
    service.start()
    service.publish([sent.order(PERSON), sent.order("somebody-else")])
    settled(service)
    with web(service.environment, tmp_path / "home") as process:

        def known() -> list[str]:
            found: list[str] = process.get("/v1/customers?query=person").body["customers"]
            return found

        process.until(lambda: process.answers("/readyz") and known() == [PERSON])
        service.publish([sent("customer.erased", PERSON)])
        settled(service)
        process.until(lambda: process.answers("/readyz") and known() == [])
        assert process.get(f"/v1/customers/{PERSON}").status == 404
    held = b"".join(one.read_bytes() for one in (tmp_path / "home").glob("web.sqlite*"))
    assert PERSON.encode() not in held and b"somebody-else" in held


def test_everything_held_is_exported_under_any_id_and_erased_by_a_command(service: LiveService, redis_url: str) -> None:
    sent = Sent()
    service.start()
    service.publish(
        [
            sent.order(DEVICE),
            sent("identity.linked", PERSON, anonymous_id=DEVICE),
            sent("profile.updated", PERSON, traits={"city": "Bonn"}),
            Outgoing(PERSON.encode(), b"no event", ()),
        ]
    )
    settled(service)
    answer = command(service, "export", DEVICE)
    assert (answer["customer_id"], answer["ids"]) == (PERSON, [DEVICE, PERSON])
    assert answer["document"]["features"]["orders"] == answer["state"]["orders"] == 1
    assert answer["state"]["about"]["traits"] == {"city": "Bonn"}
    assert {event["value"]["type"] for event in answer["events"] if isinstance(event["value"], dict)} == {
        "order.completed",
        "identity.linked",
        "profile.updated",
    }
    assert {change["customer_id"] for change in answer["changes"]} == {PERSON, DEVICE}
    assert answer["dead_letters"] == ["no event"]
    assert [one["customer_id"] for one in answer["memberships"]] == [PERSON]
    assert len(answer["panel"]) == 1
    assert command(service, "erase", DEVICE, "--yes", "--json")["erased"]
    settled(service)
    heap = everything_in_redis(redis_url, service.prefix)
    assert PERSON.encode() not in heap and DEVICE.encode() not in heap
