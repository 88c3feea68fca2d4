"""Test that nothing of an erased customer stays in act's stored records, keys and values."""

from __future__ import annotations

import pytest
from act_world import DAY, NOON, World, book, change, customer, play

from schemas import topics
from schemas.events import CustomerErased, SubscriptionUpdated
from streamer.act import store
from streamer.act.heart import due as gates
from streamer.act.heart import measure
from streamer.act.heart.moves import note
from streamer.act.heart.plan import forget
from streamer.act.heart.settle import Answer, Kind, keep, settle
from streamer.act.heart.signals import take_signal
from streamer.act.heart.state import Outcome
from streamer.act.plays.coupon_rule import CouponRule

ID, ADDRESS = "erin-4711", "erin@example.org"
PLAYS = [play(name, channel=channel, again="0 seconds", more=more) for name, channel, more in (
    ("waits", "mail", 'wait = "1 day"'),
    ("fails", "mail", ""),
    ("doubts", "mail", ""),
    ("calls", "mail", ""),
    ("measured", "mail", 'measure = { goal = "order", within = "14 days" }'),
)]  # fmt: skip


class Kept:
    """The compacted topic."""

    def __init__(self) -> None:
        self.records: dict[bytes, bytes] = {}

    def write(self, world: World, outcome: Outcome) -> None:
        for write in store.writes(outcome, world.state, 1)[topics.ACT, 0]:
            assert write.key is not None
            if write.value is None:
                self.records.pop(write.key, None)
            else:
                self.records[write.key] = write.value
        world.state.people.fold()

    def names(self, text: str) -> list[bytes]:
        """Return the keys of records that contain it."""
        return [key for key, value in self.records.items() if text.encode() in key or text.encode() in value]


def erased(id: str, at: int) -> CustomerErased:
    return CustomerErased(event_id=f"erase-{at}", type="customer.erased", customer_id=id, occurred_at=at)


def filled() -> tuple[World, Kept]:
    """Store a customer in every store of act."""
    world, kept, outcome = World(book(*PLAYS, limits="holdout = 0.9\nquiet = 'none'")), Kept(), Outcome()
    state = world.state
    world.customers = {ID: customer(ID, email=ADDRESS)}
    person = state.person(ID)
    person.address, person.arms = world.policy.addresses.hash(ADDRESS), {"*": False}
    messages = {one.play: one for one in world.take(change(ID), NOON)}
    outcome.messages.update(one.id for one in messages.values())
    outcome.people.add(ID)
    for name, status in (("fails", "failed"), ("doubts", "doubtful")):
        keep(state, outcome, messages[name], status, "said no", NOON)  # type: ignore[arg-type]
    messages["calls"].status, messages["calls"].attempt = "sending", 1
    done = messages["measured"]
    gates.use_up(done, state, world.policy, world.customers[ID], NOON)
    measure.begin(done, False, state, outcome, NOON)
    state.remove(done)
    state.ledger.plays["measured"].sent += 1
    note(outcome, "message.sent", done, NOON)
    state.coupons.give("CODE-1", CouponRule("pool"), done.play, done.id, ID, NOON)
    outcome.coupons.add("CODE-1")
    left = SubscriptionUpdated(
        event_id="s", type="subscription.updated", customer_id=ID, occurred_at=NOON, list="*", subscribed=False
    )
    take_signal(left, state, outcome, NOON)
    kept.write(world, outcome)
    return world, kept


@pytest.mark.parametrize("answer", ["sent", "retry", "refused", "doubt", "not_begun"])
def test_an_erased_customer_is_in_no_record(answer: Kind) -> None:
    world, kept = filled()
    kinds = {key[:2] for key in kept.names(ID)}
    assert kinds == {b"p:", b"m:", b"w:", b"c:"}, "the test fills every store that names customers"
    outcome = Outcome()
    take_signal(erased(ID, NOON + 1), world.state, outcome, NOON + 1)
    kept.write(world, outcome)
    # A call in progress is known until its answer, but nothing else.
    assert {key[:2] for key in kept.names(ID)} == {b"m:"} and len(kept.names(ID)) == 1
    [calling] = world.state.messages.values()
    outcome = Outcome()
    settle(calling, Answer(answer), world.state, outcome, NOON + 2)
    kept.write(world, outcome)
    assert kept.names(ID) == [] == kept.names(ADDRESS)
    assert world.state.unaccounted() == 0 and not world.state.messages


def test_an_erased_address_stays_suppressed_by_its_hash() -> None:
    world, kept = filled()
    outcome = Outcome()
    forget(ID, world.state, outcome, NOON + 1)
    kept.write(world, outcome)
    world.customers["new"] = customer("new", email=ADDRESS)
    message = world.take(change("new"), NOON + DAY)[1]
    assert isinstance(world.judge(message, NOON + DAY), gates.Drop)
    assert [key[:2] for key in kept.records if world.policy.addresses.hash(ADDRESS).encode() in key] == [b"s:"]


def test_older_changes_and_events_read_later_bring_nothing_back_and_later_ones_begin_anew() -> None:
    world, kept = World(book(*PLAYS)), Kept()
    world.state.ledger.salt = "salt"
    outcome = Outcome()
    take_signal(erased(ID, NOON), world.state, outcome, NOON, appended=NOON + 5)
    left = SubscriptionUpdated(
        event_id="s", type="subscription.updated", customer_id=ID, occurred_at=NOON, list="*", subscribed=False
    )
    take_signal(left, world.state, outcome, NOON)
    kept.write(world, outcome)
    assert len(kept.names("e:")) == 1 and kept.names(ID) == []
    assert world.take(change(ID, at=NOON + 5)) == [] and ID not in world.state.people
    # A restart remembers it.
    world.state.erased.clear()
    store.restore(kept.records.items(), world.state)
    assert world.take(change(ID, at=NOON + 5)) == []
    take_signal(left.model_copy(update={"occurred_at": NOON + 1}), world.state, Outcome(), NOON)
    assert world.state.person(ID).lists == {"*": (False, NOON + 1)}
    assert len(world.take(change(ID, at=NOON + 6))) == len(PLAYS)


def test_an_erase_is_remembered_for_30_days() -> None:
    world, kept, outcome = World(book(*PLAYS)), Kept(), Outcome()
    for id, at in (("one", NOON), ("two", NOON + DAY), ("one", NOON + 2 * DAY)):
        take_signal(erased(id, at), world.state, outcome, at, appended=at)
    kept.write(world, outcome)
    assert len(kept.names("e:")) == 2
    outcome = Outcome()
    take_signal(erased("three", NOON + 31 * DAY + 1), world.state, outcome, NOON, appended=NOON + 31 * DAY + 1)
    kept.write(world, outcome)
    assert len(kept.names("e:")) == 2, "that of `two` has gone"
