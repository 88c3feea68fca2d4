"""Test signed control records on real servers: what counts, what does not, and how long unsigned ones are accepted."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from live_service import LiveService

from schemas.control import CONTROL_HEADER, ControlImport, encode_control, is_control
from schemas.deadletters import parse_headers
from schemas.partition import partition_for
from schemas.records import Headers
from schemas.signing import SIGNATURE_HEADER, ControlKeys, Seal, sign
from schemas.topics import DEADLETTERS, EVENTS, PANEL
from schemas.wire_time import iso
from streamer.embedded import Addresses
from streamer.sources.import_records import Outgoing

pytestmark = pytest.mark.integration

KEY = "a key that nobody guesses"
LANES = 2
NEVER_HALT = {"STREAMER_DEADLETTER_RUN": "0", "STREAMER_DEADLETTER_RATIO": "1"}
_AT: tuple[str, ...] = tuple(
    next(id for id in (f"c{n}" for n in range(99)) if partition_for(id.encode(), LANES) == lane)
    for lane in range(LANES)
)
"""Return a customer of each lane."""


def an_import(id: str, state: Any = "opened") -> bytes:
    return encode_control(ControlImport(import_id=id, state=state, source_hash="h"))


def unsigned(value: bytes) -> Outgoing:
    return Outgoing(None, value, ((CONTROL_HEADER, b"1"),))


def signed(
    keys: ControlKeys, number: int, value: bytes, lane: int = 0, *, topic: str = EVENTS, writer: str = "test"
) -> Outgoing:
    return Outgoing(None, value, ((CONTROL_HEADER, b"1"), keys.header(topic, lane, Seal(writer, number), value)))


def send(service: LiveService, *records: Outgoing, lane: int = 0) -> list[int]:
    """Write records to a lane, wait until it has decided them, and return their offsets."""
    first = len(service.records(EVENTS, lane)) and service.records(EVENTS, lane)[-1].offset + 1
    service.publish(records, partitioner=lambda key, lanes: lane)
    service.wait_until_applied()
    return [record.offset for record in service.records(EVENTS, lane) if record.offset >= first]


def refused(service: LiveService, lane: int = 0) -> set[int]:
    """Return the offsets of a lane's dead letters, which must all be control records."""
    letters = [parse_headers(record.headers) for record in service.records(DEADLETTERS, lane)]
    assert {letter.reason for letter in letters} <= {"bad_control"}
    return {letter.offset for letter in letters}


def customer_event(id: str, type: str, customer: str, **fields: Any) -> Outgoing:
    now = iso(time.time_ns() // 1_000_000)
    body = {"event_id": id, "type": type, "customer_id": customer, "occurred_at": now, **fields}
    return Outgoing(fields.get("anonymous_id", customer).encode(), json.dumps(body).encode(), ())


def test_only_what_was_signed_for_this_place_counts_and_once(
    addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path
) -> None:
    ours = ControlKeys(prefix, (KEY.encode(),))
    settings = {"STREAMER_CONTROL_KEY": KEY, **NEVER_HALT}
    with LiveService(addresses, redis_url, prefix, tmp_path, lanes=LANES, **settings) as service:
        worker = service.start()
        # Each lane records from when on it requires signatures, before anything arrives.
        service.wait(lambda: len(service.ledgers()) == LANES)
        assert all(ledger.signed_from is not None and ledger.consumed == 0 for ledger in service.ledgers())

        good = signed(ours, 5, an_import("one"))
        moved = Outgoing(None, good.value, good.headers)
        table = {
            "unsigned": unsigned(an_import("unsigned")),
            "good": good,
            "the same again": good,
            "of another lane": signed(ours, 6, an_import("lane"), lane=1),
            "of another topic": signed(ours, 6, an_import("topic"), topic=PANEL),
            "of another service": signed(ControlKeys("other", ours.keys), 6, an_import("service")),
            "by another key": signed(ControlKeys(prefix, (b"some other secret",)), 6, an_import("key")),
            "with another value": Outgoing(None, an_import("value"), good.headers),
            "signed as release 0.1 did": Outgoing(
                None,
                an_import("old"),
                ((CONTROL_HEADER, b"1"), (SIGNATURE_HEADER, sign(an_import("old"), KEY.encode()))),
            ),
            "the next": signed(ours, 6, an_import("two")),
        }
        offsets = dict(zip(table, send(service, *table.values()), strict=True))
        taken = {name for name, offset in offsets.items() if offset not in refused(service)}
        assert taken == {"good", "the next"}
        assert len(send(service, moved, lane=1)) == len(refused(service, 1)) == 1
        imports = {ledger.partition: set(ledger.imports) for ledger in service.ledgers()}
        assert imports == {0: {"one", "two"}, 1: set()}

        # A merge crosses lanes, and repeating its record changes nothing.
        device, person = _AT
        link = customer_event("link", "identity.linked", person, anonymous_id=device)
        orders = [
            customer_event(f"e-{id}", "order.completed", id, order_id=f"o-{id}", total=20.0, currency="EUR")
            for id in (device, person)
        ]
        service.publish([*orders, link])
        for _ in range(3):
            service.wait_until_applied()
        [merge] = [record for record in service.records(EVENTS, 1) if _is_merge(record)]
        assert json.loads(service.document(person) or b"{}")["features"]["orders"] == 2
        [copy] = send(service, Outgoing(None, merge.value, merge.headers), lane=1)
        assert copy in refused(service, 1)

        # The numbers outlive the process, a second worker, and the view.
        worker.kill()
        worker.wait(20)
        two = [service.start(), service.start()]
        service.wait(lambda: service.tended(two))
        [again, next_one] = send(service, table["the next"], signed(ours, 7, an_import("one", "closed")))
        assert again in refused(service) and next_one not in refused(service)
        service.wipe_view()
        [again, next_one] = send(service, table["the next"], signed(ours, 8, an_import("two", "closed")))
        assert again in refused(service) and next_one not in refused(service)
        assert json.loads(service.document(person) or b"{}")["features"]["orders"] == 2
        assert service.parity(ours).differences == []
        assert sum(ledger.unaccounted for ledger in service.ledgers()) == 0


def _is_merge(record: Any) -> bool:
    headers: Headers = record.headers
    return is_control(headers) and b"control.merge" in (record.value or b"")


def test_unsigned_records_count_for_the_time_of_grace_and_can_be_signed_afterwards(
    addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path
) -> None:
    settings = {"GRACE_SECONDS": "2", **NEVER_HALT}
    with LiveService(addresses, redis_url, prefix, tmp_path, lanes=1, **settings) as service:
        # What is in the log before the first start is always accepted, however slow this machine is.
        service.publish([unsigned(an_import("before"))])
        worker = service.start(module="graced_worker")
        service.wait(lambda: len(service.ledgers()) == 1)
        number = 0
        while not refused(service):
            send(service, unsigned(an_import(f"i-{number}")))
            number += 1
        [ledger] = service.ledgers()
        assert ledger.signed_from is not None
        records = service.records(EVENTS, 0)
        assert refused(service) == {one.offset for one in records if one.timestamp >= ledger.signed_from}
        assert 0 < len(refused(service)) < len(records)
        # A restart starts no new grace period, and an alert is raised.
        worker.kill()
        worker.wait(20)
        service.start()
        send(service, unsigned(an_import("late")))
        assert [one.signed_from for one in service.ledgers()] == [ledger.signed_from]
        late = len(records)
        assert late in refused(service)
        key = about_the_key(service)
        assert "are refused" in key["text"] and key["wrong"]
        # With a key, rejected records can be signed and sent again.
        service.workers[-1].kill()
        service.workers[-1].wait(20)
        service.environment["STREAMER_HOME"] = str(tmp_path / "keyed")
        assert json.loads(_run(service, "keys", "create", "--json"))["made"]
        service.start()
        _run(service, "deadletters", "replay", "--reason", "bad_control", "--yes")
        service.wait(lambda: "late" in service.ledgers()[0].imports)
        assert len(service.ledgers()[0].imports) == number + 2
        assert sum(ledger.unaccounted for ledger in service.ledgers()) == 0


def about_the_key(service: LiveService) -> dict[str, Any]:
    """Return what `streamer doctor` reports about it; its exit code covers everything it checks."""
    done = _command(service, "doctor", "--json")
    [found] = [one for one in json.loads(done.stdout)["findings"] if one["subject"] == "control key"]
    assert done.returncode == 1 or not found["wrong"]
    return dict(found)


def _command(service: LiveService, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "streamer", *words]
    return subprocess.run(command, env=service.environment, capture_output=True, text=True, timeout=60)


def _run(service: LiveService, *words: str) -> str:
    done = _command(service, *words)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout
