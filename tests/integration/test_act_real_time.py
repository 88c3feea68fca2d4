"""The plays that ship in real time: waits of seconds, a real ``streamer act``, Kafka, Valkey and SMTP server, and the oracle.

An hour of the trace is a step of four seconds here; days, weeks and quiet hours are those of the wall clock. Things happen
at full steps and waits end at half ones, so that two seconds lie between whatever could change places.
``make act`` runs ACT_MINUTES.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from act_memory import Step
from act_oracle import RULES, SHOP_ZONE, Oracle, Rule
from act_rig import ActService, Postbox
from act_trace import BEGIN, HOUR, Entry, Trace, made
from act_world_in_time import BOOKED, TEMPLATES, People, change_of, endings, event_of, text

from models.customer.snapshot import dump
from schemas import topics
from schemas.partition import partition_for
from schemas.wire_time import epoch_ms
from streamer.embedded import Addresses

MINUTES = float(os.environ.get("ACT_MINUTES", "0"))
CUSTOMERS = round(50 * MINUTES)
STEP = 4_000
SOON = STEP // 2
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not MINUTES, reason="takes ACT_MINUTES"),
    pytest.mark.timeout(MINUTES * 60 + 600),
]
SECONDS: Mapping[str, Mapping[str, int]] = {
    # Waits and expiries end at half steps, and cooldowns at quarters.
    "cart_left": {"again": 41, "expires": 98},
    "win_back": {"wait": 26, "again": 121},
    "vip_at_risk": {"again": 81},
    "high_value": {"wait": 50, "again": 161},
    "nurse": {"wait": 10, "again": 33, "expires": 32},
}


class Real(Trace):
    """A trace whose hours are steps of the wall clock from an instant on."""

    begin = 0

    @classmethod
    def of(cls, trace: Trace, begin: int) -> Real:
        entries = [replace(one, at=begin + (one.at - BEGIN) // HOUR * STEP) for one in trace.entries]
        found = cls(trace.traits, trace.value, entries, trace.hours)
        found.begin = begin
        return found

    def by_hour(self) -> Iterator[tuple[int, list[Entry]]]:
        """Every half step with what happened in it."""
        by_time: dict[int, list[Entry]] = {}
        for entry in self.entries:
            by_time.setdefault(entry.at, []).append(entry)
        for now in range(self.begin, self.begin + self.hours * STEP, STEP // 2):
            yield now, by_time.get(now, [])


class InSeconds(Oracle):
    """The oracle with the waits of `SECONDS`."""

    def _move(self, id: str, body: dict[str, Any], now: int) -> None:
        known = len(self._open)
        super()._move(id, body, now)
        for one in self._open[known:]:
            one.rule = _in_seconds(one.rule)
            one.due = now if one.rule.wants is not None else now + one.rule.wait

    def _quiet_until(self, id: str, now: int) -> int:
        found = super()._quiet_until(id, now)
        return found if found == now else found // 60_000 * 60_000


def _in_seconds(rule: Rule) -> Rule:
    found: dict[str, Any] = {name: 1_000 * seconds for name, seconds in SECONDS.get(rule.name, {}).items()}
    return replace(rule, **found)


def declared(port: int) -> str:
    """The file of plays, with these waits and a mail server that listens."""
    found: list[str] = []
    seconds: Mapping[str, int] = {}
    for line in text(10**6).splitlines():
        if line.startswith("["):
            seconds = SECONDS.get(line.removeprefix("[plays.").removesuffix("]"), {})
        name = line.partition(" =")[0]
        found.append(f'{name} = "{seconds[name]} seconds"' if name in seconds else line)
    return "\n".join(found).replace('"localhost"', f'"127.0.0.1"\nport = {port}\ntls = "none"')


class World:
    """What the lanes would have written, step by step."""

    def __init__(self, service: ActService, trace: Real) -> None:
        self._service, self.people = service, People(trace)
        self.late = 0.0
        for id in self.people.found:
            self._show(id)
        service.tick()

    def take(self, now: int, entries: list[Entry]) -> None:
        for entry in entries:
            self.people.take(entry)
            self._show(entry.customer)
        for topic, name in ((topics.EVENTS, event_of), (topics.CHANGES, change_of)):
            moved = [one for one in entries if (one.what == "change") == (topic == topics.CHANGES)]
            values = [(one.customer.encode(), name(one), ()) for one in moved]
            if written := [one for one in values if one[1] is not None]:
                self._service.write(topic, written)
        self.late = max(self.late, time.time() - now / 1000)

    def _show(self, id: str) -> None:
        customer = self.people.found[id]
        customer.profile_dirty = True
        parts: Any = dump(customer, b"")
        lane = partition_for(id.encode(), self._service.lanes)
        self._service.redis.hset(self._service._keys(lane).parts(id), mapping=parts)


def test_every_message_ends_as_the_oracle_says(
    addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path
) -> None:
    trace = made(CUSTOMERS, max(1, round(MINUTES * 60_000 / STEP / 24)), 6)
    with (
        Postbox(slowest=0.01) as postbox,
        ActService(addresses, redis_url, prefix, tmp_path, STREAMER_TIMEZONE=SHOP_ZONE) as service,
    ):
        service.start()
        codes = [f"CODE-{number}" for number in range(CUSTOMERS)]
        service.load("thanks10", codes)
        for rule in RULES:
            segments = {name: tuple(sorted(ids)) for name, ids in BOOKED.items()}
            service.order("start", rule.name, text=declared(postbox.port), templates=TEMPLATES, segments=segments)
        service.wait(lambda: len(service.state().ledger.plays) == len(RULES))
        real = Real.of(trace, (time.time_ns() // 1_000_000 // STEP + 3) * STEP)
        world = World(service, real)
        for now, entries in real.by_hour():
            time.sleep(max(0.0, now / 1000 - time.time()))
            if entries:
                world.take(now, entries)
        end = real.begin + real.hours * STEP - STEP // 4
        time.sleep(max(0.0, end / 1000 - time.time()) + 3)
        published = [one for one in service.steps() if epoch_ms(one["at"]) <= end]
        unaccounted, mails = service.state().unaccounted(), postbox.mails
    oracle = InSeconds(real, len(codes), 10**6).run()
    steps = [_step(one) for one in published]
    found = endings(steps)
    differ = {key: (found.get(key), oracle.became.get(key)) for key in found.keys() | oracle.became.keys()}
    differ = {key: both for key, both in differ.items() if None in both or both[0][0] != both[1][0]}  # type: ignore[index]
    delays = sorted(found[key][1] - at for key, (_, at) in oracle.became.items() if key in found)
    print(
        f"\n{MINUTES:g} minutes, {CUSTOMERS:,} customers, {len(found):,} messages: {len(differ)} differ; "
        f"decided {statistics.median(delays) / 1000:.2f} s after the oracle's instant, at most {delays[-1] / 1000:.2f}; "
        f"input at most {world.late:.2f} s late; {sum(mails.values()):,} mails"
    )
    assert not differ, list(differ.items())[:5]
    planned = {(one.change, one.play) for one in steps if one.type == "message.planned"}
    assert planned - found.keys() == oracle.waiting and unaccounted == 0
    assert delays[0] > -1_000 and delays[-1] < SOON
    sent = {one.message_id for one in steps if one.type == "message.sent"}
    assert sent <= mails.keys() and set(mails.values()) == {1} and len(found) > CUSTOMERS


def _step(one: Mapping[str, Any]) -> Step:
    ids = (one["message_id"], one["customer_id"], one["play"], one["change_event_id"])
    return Step(one["type"], *ids, epoch_ms(one["at"]), one.get("gate", ""))
