"""Test a worker whose wall clock is a year ahead: it applies events, moves nobody by time, and reports it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from live_service import LiveService

from schemas import topics
from schemas.wire_time import iso
from streamer.embedded import Addresses
from streamer.sources.import_records import Outgoing

pytestmark = [pytest.mark.integration, pytest.mark.recovery]

DAY_MS = 86_400_000
YEAR_AHEAD = str(400 * 86_400)
WRONG = "clock is wrong; pausing time-based moves until it is fixed (see docs/runbooks/ClockJump.md)"


def order(number: int) -> Outgoing:
    now = time.time_ns() // 1_000_000
    body = {"event_id": f"e{number}", "type": "order.completed", "customer_id": f"c{number % 9}"}
    body |= {"occurred_at": iso(now), "order_id": f"o{number}"}
    return Outgoing(f"c{number % 9}".encode(), json.dumps({**body, "total": 20.0, "currency": "EUR"}).encode(), ())


def test_a_clock_a_year_ahead_moves_nobody_and_is_named(
    addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path
) -> None:
    with LiveService(addresses, redis_url, prefix, tmp_path, lanes=1, SKEW_SECONDS=YEAR_AHEAD) as service:
        right = service.start()
        service.publish([order(number) for number in range(20)])
        service.wait_until_applied()
        right.kill()
        right.wait(20)
        before = service.changes()
        wrong = service.start(module="skewed_worker")
        service.wait(lambda: bool(service.logged(wrong, WRONG)))
        [line] = service.logged(wrong, WRONG)
        assert "9,600.0 h ahead of" in line["clock"]
        service.wait(lambda: any(b"ClockJump" in (one.value or b"") for one in service.records(topics.ALERTS, 0)))
        assert wrong.poll() is None
        service.publish([order(number) for number in range(20, 40)])
        service.wait_until_applied()
        assert wrong.poll() is None
        assert all(change["cause"] == "event" for change in service.changes()[len(before) :])
        [ledger] = service.ledgers()
        assert ledger.clock < time.time_ns() // 1_000_000 + DAY_MS and ledger.unaccounted == 0
        assert service.parity().differences == []
