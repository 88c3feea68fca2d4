"""A play that is started on an empty history and then fed 30 days decides for each customer what the preview said.

The customers are as the preview sees them: with the profile and the consent of its day, all along.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from act_memory import Memory, Shop, Step
from act_oracle import SHOP_ZONE
from act_trace import BEGIN, DAY, Entry, made
from act_world_in_time import BOOKED, TEMPLATES, UNITS, change_of, text
from act_world_in_time import People as Shown

from models.customer.customer import Customer
from schemas import topics
from schemas.changes import decode_change
from streamer.act.heart import room
from streamer.act.heart.address import Addresses
from streamer.act.heart.coupons import Coupons
from streamer.act.heart.due import Policy
from streamer.act.heart.people import People
from streamer.act.heart.state import State
from streamer.act.plays.book import Book
from streamer.act.plays.declared import load
from streamer.act.preview import Funnel, Preview

CUSTOMERS, DAYS = int(os.environ.get("ACT_PREVIEWED", "400")), 30
POLICY = Policy(UNITS, SHOP_ZONE, True, Addresses(b"secret"), under_way=10**6, under_way_keyed=10**6)
END = BEGIN + DAYS * DAY
Decided = Counter[tuple[str, str, str]]
"""By play, ending and customer."""


def changes(seed: int) -> tuple[dict[str, Customer], list[Entry]]:
    """Customers, and their changes: no two at one instant, for those have no order in time."""
    trace = made(CUSTOMERS, DAYS, seed)
    shown = Shown(trace)
    for entry in trace.entries:
        if entry.what in ("consent", "complaint"):
            shown.take(entry)
    moves = [entry for entry in trace.entries if entry.what == "change"]
    seqs: Counter[str] = Counter()
    found = []
    for number, entry in enumerate(moves):
        seqs[entry.customer] += 1
        body = {**entry.body, "seq": seqs[entry.customer]}
        found.append(replace(entry, at=entry.at + 1 + number * 977 % 3_599_000, body=body))
    found.sort(key=lambda one: (one.at, one.customer))
    assert len({one.at for one in found}) == len(found)
    return shown.found, found


def codes() -> Coupons:
    found = Coupons()
    found.load("thanks10", [f"CODE-{number}" for number in range(CUSTOMERS // 20)])
    return found


def people() -> People:
    """What act knows of its customers beforehand: some have chosen to get nothing, or everything."""
    found = People()
    for number in range(0, CUSTOMERS, 9):
        found.touch(f"c{number}").lists["*"] = (number % 2 == 0, BEGIN - 1)
    return found


def previewed(book: Book, customers: Mapping[str, Customer], moves: Sequence[Entry]) -> tuple[Decided, int]:
    """What the preview says of each customer, and how many messages wait at its end."""
    known = people()
    for id in known:
        known.touch(id).sends["win_back"] = BEGIN - 1
    known = known.unwritten(customers)
    run = Preview(book, book.plays, customers, POLICY, of=10**9, coupons=codes(), people=known, named=10**9)
    funnels: Mapping[str, Funnel] = run.run((decode_change(change_of(one)) for one in moves), END)
    decided: Decided = Counter()
    for play, funnel in funnels.items():
        assert not funnel.stopped
        for ending, who in funnel.who.items():
            decided.update((play, ending, id) for id in who)
    return decided, sum(one.waiting for one in funnels.values())


async def lived(book: Book, customers: Mapping[str, Customer], moves: Sequence[Entry]) -> Shop:
    """The real owner, whose clock stops at each change and whenever a message may be judged."""
    memory = Memory(BEGIN, customers)
    shop = Shop(memory, book, POLICY, [f"CODE-{number}" for number in range(CUSTOMERS // 20)])
    await shop.start()
    shop.state.people = people()
    at = 0
    while True:
        following = moves[at].at if at < len(moves) else END + 1
        now = min(following, _next(shop.state, memory.now))
        if now > END:
            return shop
        memory.now = now
        if following == now:
            memory.publish(topics.CHANGES, moves[at].customer, change_of(moves[at]), following)
            at += 1
        # The call in one turn, its answer in the next, and then whatever that made room for.
        for _ in range(3):
            await shop.once()


def _next(state: State, now: int) -> int:
    """When a message is due, or its channel has room again."""
    waiting = [one for one in state.messages.values() if one.status == "waiting"]
    return min(
        (one.due if one.due > now else room.free_at(state.channel(one), state, now + 1) for one in waiting),
        default=END + 1,
    )


def decided(steps: Sequence[Step]) -> Decided:
    """The same of published steps."""
    endings = {"message.sending": "sent", "message.withheld": "withheld"}
    ended = [one for one in steps if one.type in ("message.sending", "message.withheld", "message.dropped")]
    return Counter((one.play, one.gate or endings[one.type], one.customer) for one in ended)


@pytest.mark.parametrize("rates", ["", f'rate = ["{CUSTOMERS // 400} an hour", "{CUSTOMERS // 60} a day"]'])
def test_what_was_previewed_is_what_happens(rates: str) -> None:
    source = text(max(1, CUSTOMERS // 200)).replace('from = "hello', f'{rates}\nfrom = "hello', 1)
    book = load(source, 1, BOOKED, TEMPLATES)
    customers, moves = changes(4)
    before, waiting = previewed(book, customers, moves)
    shop = asyncio.run(lived(book, customers, moves))
    after = decided(shop.memory.steps)
    assert before == after, f"{before - after} / {after - before}"
    assert waiting == len(shop.state.messages) and shop.state.unaccounted() == 0
    endings = Counter(ending for _, ending, _ in after.elements())
    print(f"{CUSTOMERS:,} customers, {len(moves):,} changes in {DAYS} days: the same; {dict(endings.most_common())}")
    # A tight rate lets messages expire that would have met a cap, or an empty pool.
    expected = {"sent", "withheld", "list", "if", "contactable", "consent", "again", "still", "unless", "render"}
    assert expected | ({"expires"} if rates else {"cap", "coupon"}) <= set(endings)
