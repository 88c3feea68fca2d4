"""A dead endpoint costs at most one attempt a minute, and its messages go once it is back. Real HTTP, a simulated clock."""

from __future__ import annotations

import asyncio
from collections import Counter

from act_memory import Memory, Shop
from act_rig import SECRET, Receiver, free_port
from act_world import HEAD, NOON, POLICY, SEGMENTS, customer, moved, play
from bad_receivers import BadReceiver

from schemas import topics
from streamer.act.channels.webhook import WebhookSender
from streamer.act.plays.declared import load

SECOND = 1_000
WAITING, MINUTES = 200, 20
HOOK = '[channels.{name}]\nkind = "webhook"\nurl = "{url}"\n'
LIMITS = '[limits]\nper_customer = ["9 a day"]\nquiet = "none"\nstorm = "100 % of customers in 1 hour"\n'


def test_an_attempt_a_minute_until_it_is_back() -> None:
    good = Receiver(slowest=0.0, failing=0.0)
    good.stop()
    with BadReceiver("cutting") as cutting:
        urls = {"cutting": cutting.url, "nobody": f"http://127.0.0.1:{free_port()}/", "back": good.url}
        text = HEAD + LIMITS + "".join(HOOK.format(name=name, url=url) for name, url in urls.items())
        text += "".join(play(name, channel=name, more='expires = "3 days"') for name in urls)
        memory = Memory(NOON, {f"c{number}": customer(f"c{number}") for number in range(WAITING)})
        shop = Shop(memory, load(text, 1, SEGMENTS), POLICY)
        shop.senders = {"webhook": WebhookSender(lambda name: [SECRET])}

        async def live(seconds: int) -> None:
            for _ in range(seconds):
                memory.now += SECOND
                for _ in range(2):
                    await shop.once()

        async def run() -> None:
            await shop.start()
            for id in memory.customers:
                memory.publish(topics.CHANGES, id, moved(id, 1, NOON), NOON)
            await live(60 * MINUTES)
            good.start()
            await live(120)
            await shop.senders["webhook"].close()

        asyncio.run(run())
    good.close()
    state = shop.state
    attempts: Counter[tuple[str, int]] = Counter(
        (one.play, (one.at - NOON) // (60 * SECOND)) for one in memory.steps if one.type == "message.sending"
    )
    for name in ("cutting", "nobody"):
        later = [attempts[name, minute] for minute in range(1, MINUTES)]
        assert max(later) <= 1 and sum(later) >= MINUTES - 3, later
        # As many as may be under way at once, before the first of them has failed.
        assert attempts[name, 0] <= POLICY.under_way_keyed + 1
        assert state.ledger.plays[name].sent == 0 == state.ledger.plays[name].failed
    assert cutting.calls == sum(count for (name, _), count in attempts.items() if name == "cutting")
    assert len(good.effects) >= WAITING - POLICY.under_way_keyed and good.repeats == 0
    assert state.unaccounted() == 0
