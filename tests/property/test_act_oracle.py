"""Test that plays match an oracle, a separate program: the same gate in the same hour for every change and play.

``make act`` runs 5,000 customers and 60 days.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from act_memory import Memory, Shop
from act_oracle import RULES, SHOP_ZONE, Oracle
from act_trace import BEGIN, Trace, made
from act_world_in_time import BOOKED, TEMPLATES, UNITS, People, endings, publish, text

from streamer.act.heart.address import Addresses
from streamer.act.heart.due import Policy
from streamer.act.plays.declared import load

CUSTOMERS = int(os.environ.get("ACT_CUSTOMERS", "400"))
DAYS = int(os.environ.get("ACT_DAYS", "60"))
CODES, BUDGET = CUSTOMERS // 20, max(1, CUSTOMERS // 400)
POLICY = Policy(UNITS, SHOP_ZONE, True, Addresses(b"secret"), under_way=10**6, under_way_keyed=10**6)


async def planned(trace: Trace, kills: float) -> Shop:
    """Run the real owner over the whole trace, killing it at a share of its commits."""
    people = People(trace)
    memory = Memory(BEGIN, people.found, kills)
    shop = Shop(memory, load(text(BUDGET), 1, BOOKED, TEMPLATES), POLICY, [f"CODE-{number}" for number in range(CODES)])
    await shop.start()
    for now, entries in trace.by_hour():
        memory.now = now
        publish(memory, people, entries)
        await shop.settle()
    return shop


@pytest.mark.parametrize(("seed", "kills"), [(1, 0.0), (2, 0.2)])
def test_every_message_ends_as_the_oracle_says(seed: int, kills: float) -> None:
    trace = made(CUSTOMERS, DAYS, seed)
    shop = asyncio.run(planned(trace, kills))
    oracle = Oracle(trace, CODES, BUDGET).run()
    found = endings(shop.memory.steps)
    differ = {key: (found.get(key), oracle.became.get(key)) for key in found.keys() | oracle.became.keys()}
    differ = {key: both for key, both in differ.items() if both[0] != both[1]}
    assert not differ, f"{len(differ)} of {len(found)}: {list(differ.items())[:5]}"
    waiting = {(one.change.event_id, one.play) for one in shop.state.messages.values()}
    assert waiting == oracle.waiting and shop.state.unaccounted() == 0
    assert len(shop.sender.sent) == len(set(shop.sender.sent)) == sum(what == "sent" for what, _ in found.values())
    assert bool(shop.memory.killed) == bool(kills)
    print(f"{shop.memory.killed:,} kills")
    _all_gates_were_met(found)


def _all_gates_were_met(found: Mapping[tuple[str, str], Any]) -> None:
    ended = Counter(what for what, _ in found.values())
    print(f"{CUSTOMERS:,} customers, {DAYS} days, {len(found):,} messages: {dict(ended.most_common())}")
    expected = (
        "sent withheld if contactable consent list suppressed again expires unless still cap coupon render erased"
    )
    assert set(expected.split()) == set(ended)
    assert {name for _, name in found} == {rule.name for rule in RULES}
