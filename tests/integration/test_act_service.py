"""Test act on a real Kafka: no claim after an acknowledged unsubscribe, a second owner waits, commands reach the active one."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
import skewed_worker
from act_rig import ActService, Postbox, Receiver, plays
from aiokafka import AIOKafkaProducer

from schemas import topics
from schemas.events import BaseEvent, CustomerErased, SubscriptionUpdated
from schemas.partition import partition_for
from schemas.wire_time import epoch_ms
from streamer.embedded import Addresses

pytestmark = pytest.mark.integration

SENT = int(os.environ.get("ACT_SENT", "400"))
LEAVING = SENT // 10


@pytest.fixture
def service(addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path) -> Iterator[ActService]:
    with ActService(addresses, redis_url, prefix, tmp_path) as service:
        yield service


def test_nothing_is_claimed_after_an_unsubscribe_was_acknowledged(
    service: ActService, receiver: Receiver, postbox: Postbox
) -> None:
    ids = [f"c{number}" for number in range(SENT)]
    service.know(ids)
    service.start()
    service.begin(plays(receiver.url, postbox.port), "hook")
    service.change(ids)
    service.wait(lambda: len(receiver.effects) > 0)
    acknowledged = asyncio.run(leave(service, ids[-LEAVING:]))
    service.wait(lambda: service.done(SENT), max(120, SENT / 5))

    claims = {
        step["customer_id"]: epoch_ms(step["at"]) for step in service.steps() if step["type"] == "message.sending"
    }
    late = {id: claims[id] - at for id, at in acknowledged.items() if id in claims and claims[id] > at}
    assert late == {}
    dropped = service.state().ledger.plays["hook"].dropped
    assert dropped.get("list", 0) == LEAVING - len(acknowledged.keys() & claims.keys())
    assert len(claims) + dropped.get("list", 0) == SENT and len(receiver.effects) == len(claims)
    assert dropped, "all were sent before anybody left: nothing was tested"


async def leave(service: ActService, ids: list[str]) -> dict[str, int]:
    """Unsubscribe customers one by one, and return the instant (ms) of each acknowledgement."""
    return await publish(
        service,
        [
            SubscriptionUpdated(
                event_id=f"leave-{id}",
                type="subscription.updated",
                customer_id=id,
                occurred_at=int(time.time() * 1000),
                list="offers",
                subscribed=False,
            )
            for id in ids
        ],
    )


async def publish(service: ActService, events: Sequence[BaseEvent]) -> dict[str, int]:
    """Publish events one by one, and return the instant (ms) of each customer's acknowledgement."""
    producer = AIOKafkaProducer(bootstrap_servers=service.connection.bootstrap, acks="all")
    await producer.start()
    acknowledged = {}
    try:
        for event in events:
            id = event.customer_id
            await producer.send_and_wait(
                service.connection.topic(topics.EVENTS),
                event.model_dump_json().encode(),
                id.encode(),
                partition=partition_for(id.encode(), service.lanes),
            )
            acknowledged[id] = int(time.time() * 1000)
    finally:
        await producer.stop()
    return acknowledged


def test_an_erased_customer_is_in_no_record_and_their_address_stays_unsubscribed(
    service: ActService, receiver: Receiver, postbox: Postbox
) -> None:
    id, address = "erin-4711", "erin-4711@example.org"
    service.know([id])
    service.start()
    service.begin(plays(receiver.url, postbox.port), "hook", "letter")
    service.change([id])
    service.wait(lambda: service.done(2))
    asyncio.run(leave(service, [id]))
    assert named(service, id) and len(postbox.mails) == 1

    now = int(time.time() * 1000)
    asyncio.run(
        publish(service, [CustomerErased(event_id="x", type="customer.erased", customer_id=id, occurred_at=now)])
    )
    service.wait(lambda: not named(service, id) and not named(service, address))
    # The erase is remembered by a hash that only this service computes.
    assert len(service.state().ledger.salt) == 32 and len(service.state().erased) == 1
    service.know([id])
    service.change([id], seq=9)
    service.wait(lambda: service.done(4))
    letter = service.state().ledger.plays["letter"]
    assert letter.dropped == {"suppressed": 1} and len(postbox.mails) == 1


def named(service: ActService, text: str) -> list[bytes]:
    """Return the keys of act's records, after compaction, that contain a text."""
    newest = {record.key: record.value for record in service.records(topics.ACT, 0)}
    return [key for key, value in newest.items() if value is not None and text.encode() in key + value]


MONDAY = """
[channels.me]
kind = "smtp"
host = "127.0.0.1"
port = {port}
from = "Lamp & Leaf <hello@lampleaf.example>"
to = "owner@lampleaf.example"
tls = "none"

[plays.monday]
when = {{ weekly = "monday 08:00" }}
channel = "me"
"""


def test_last_weeks_report_reaches_the_owner_on_monday_once(service: ActService, postbox: Postbox) -> None:
    """The clock is that of the lanes, which this test advances from Sunday noon."""
    sunday = int(datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()) * 1000
    service.environment["STREAMER_CLOCK"] = "event"
    service.know(["a", "b", "c"])
    service.tick(sunday)
    moved = sunday - 3 * 86_400_000
    service.change(["a", "b"], changed_at=moved)
    first = service.start()
    service.start()
    service.begin(MONDAY.format(port=postbox.port), "monday", templates={})
    assert not postbox.letters
    service.tick(sunday + 20 * 3_600_000 + 60_000)
    service.wait(lambda: service.done(1))
    # Whichever of the two was the owner, the other one continues without a second report.
    service.kill(first)
    service.order("pause", "monday")
    service.wait(lambda: service.state().ledger.plays["monday"].status == "paused")
    [letter] = postbox.letters
    mail = message_from_bytes(letter, policy=default)
    assert "2026-11-16" in mail["Subject"] and "2026-11-22" in mail["Subject"]
    [page] = mail.iter_attachments()
    assert page.get_filename() == "report-2026-11-22.html"
    assert "2026-11-16" in page.get_content() and page.get_content().startswith("<!doctype html>")
    assert service.state().unaccounted() == 0 and service.state().ledger.plays["monday"].sent == 1
    assert not [one for one in service.records(topics.EVENTS, 0) if b"message.outcome" in one.value]


def test_a_clock_ten_years_ahead_sends_nothing_and_loses_nothing(
    service: ActService, receiver: Receiver, postbox: Postbox
) -> None:
    ids = ["a", "b"]
    service.know(ids)
    right = service.start()
    service.begin(plays(receiver.url, postbox.port, wait="5 seconds"), "hook", "letter")
    service.change(ids[:1])
    service.wait(lambda: service.state().ledger.plays["letter"].planned == 1)
    service.kill(right)
    wrong = service.start((skewed_worker.__file__, "act"), SKEW_SECONDS=str(3_653 * 86_400))
    service.wait(lambda: "clock is wrong; pausing messages until it is fixed" in service.logs())
    before = service.state().ledger
    service.change(ids[1:])
    time.sleep(2)
    assert service.state().ledger == before and wrong.poll() is None
    service.kill(wrong)
    service.start()
    service.wait(lambda: service.done(4))
    assert set(postbox.mails.values()) == {1} and len(postbox.mails) == 2 == len(receiver.effects)
    assert not any(play.dropped for play in service.state().ledger.plays.values())


def test_a_second_process_waits_and_takes_over(service: ActService, receiver: Receiver, postbox: Postbox) -> None:
    service.know(["a", "b"])
    first = service.start()
    service.begin(plays(receiver.url, postbox.port), "hook", "letter")
    second = service.start()
    service.change(["a"])
    service.wait(lambda: service.done(2))
    first.terminate()
    assert first.wait(20) == 0
    service.change(["b"])
    service.wait(lambda: service.done(4))
    assert second.poll() is None
    assert set(postbox.mails.values()) == {1} and len(postbox.mails) == 2 == len(receiver.effects)


def test_a_paused_play_sends_nothing_and_a_stopped_one_drops_what_waits(
    service: ActService, receiver: Receiver, postbox: Postbox
) -> None:
    service.know(["a", "b"])
    service.start()
    text = plays(receiver.url, postbox.port)
    service.begin(text, "hook")
    service.order("pause", "hook")
    service.wait(lambda: service.state().ledger.plays["hook"].status == "paused")
    service.change(["a", "b"])
    service.wait(lambda: service.state().ledger.plays["hook"].planned == 2)
    time.sleep(1)
    assert not receiver.effects
    service.order("stop", "hook")
    service.wait(lambda: service.done(2))
    hook = service.state().ledger.plays["hook"]
    assert hook.dropped == {"stopped": 2} and hook.status == "stopped" and not receiver.effects
