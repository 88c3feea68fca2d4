"""Test that no record of act has an erased customer's ids, in whatever order it reads events and changes."""

from __future__ import annotations

from collections.abc import Iterator

from act_world import World, book
from heart_lanes_many import Lanes
from heart_logs import DAY, HOUR, T0, event, order
from heart_strategies import POLICY
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import topics
from schemas.changes import decode_change, encode_change
from schemas.partition import partition_for
from schemas.records import Record
from streamer.act import store
from streamer.act.heart.plan import plan
from streamer.act.heart.state import Outcome, State
from streamer.act.incoming import take_event
from streamer.lanes.encode import wire_changes

GUEST, KNOWN = "gus-1", "anna-1"
PLAYS = [
    f"""
[plays.{name}]
when = {{ segmentation = "lifecycle"{more} }}
channel = "mail"
holdout = 0.5
again = "30 days"
only_safe = false
wait = "1 day"
"""
    for name, more in (("welcome", ', to = ["new"]'), ("any_move", ', from = ["new"]'))
]
STEP = st.tuples(st.sampled_from(("order", "order", "leave", "bounce")), st.sampled_from((GUEST, KNOWN)))


def lanes_of(steps: list[tuple[str, str]], link: int, erase: str) -> Lanes:
    """Return events of both ids, their link, which arrives before step ``link`` or after the erase, and an erase."""
    lanes = Lanes(POLICY)
    joined = event("identity.linked", "l", KNOWN, T0, anonymous_id=GUEST)
    for number, (kind, id) in enumerate(steps):
        at = T0 + number * HOUR
        if number == link:
            lanes.event(joined, at)
        lanes.event(event_of(kind, number, id, at), at)
        lanes.settle()
    at = T0 + len(steps) * HOUR
    # The erase of an id that is not joined yet erases only that id, so both are requested.
    for id in (GUEST, KNOWN) if link >= len(steps) else (erase,):
        lanes.event(event("customer.erased", f"erase-{id}", id, at), at)
    if link >= len(steps):
        lanes.event(joined, at + HOUR)
    lanes.finish(at + HOUR)
    assert lanes.dead() == []
    return lanes


def event_of(kind: str, number: int, id: str, at: int) -> bytes:
    match kind:
        case "leave":
            return event("subscription.updated", f"e{number}", id, at, list="*", subscribed=False)
        case "bounce":
            more = {"message_id": "m", "change_event_id": "c", "outcome": "bounced"}
            return event("message.outcome", f"e{number}", id, at, **more)
        case _:
            return order(f"e{number}", id, at, 30.0)


def read(lanes: Lanes, turns: Iterator[int]) -> tuple[State, dict[bytes, bytes], set[str]]:
    """Return what act stores after reading everything: each source in its order, sources in the order of ``turns``."""
    world, kept, ever = World(book(*PLAYS), customers={}), dict[bytes, bytes](), set[str]()
    sources: list[list[Record | bytes]] = [list(log.records) for log in lanes.logs]
    moves = [wire_changes(driver.changes, driver.state, POLICY) for driver in lanes.drivers]
    sources += [[encode_change(one, T0) for one in some] for some in moves]
    while sources := [source for source in sources if source]:
        found, outcome = sources[next(turns) % len(sources)].pop(0), Outcome()
        if isinstance(found, bytes):
            plan(decode_change(found), world.state, outcome, T0 + DAY, 0)
        else:
            take_event(found, world.state, outcome, T0 + DAY)
        for write in store.writes(outcome, world.state, POLICY.lanes)[topics.ACT, 0]:
            assert write.key is not None
            if write.value is None:
                kept.pop(write.key, None)
            else:
                kept[write.key] = write.value
        ever |= set(world.state.people)
        world.state.people.fold()
    return world.state, kept, ever


@settings(deadline=None, max_examples=150)
@given(
    st.lists(STEP, min_size=1, max_size=8),
    st.integers(0, 9),
    st.sampled_from((GUEST, KNOWN)),
    st.lists(st.integers(0, 20), min_size=100, max_size=100),
)
def test_whatever_is_read_first(steps: list[tuple[str, str]], link: int, erase: str, turns: list[int]) -> None:
    lanes = lanes_of(steps, link, erase)
    state, kept, _ = read(lanes, iter(turns * 5))
    assert not set(state.people) & {GUEST, KNOWN}
    assert [key for key, value in kept.items() for id in (GUEST, KNOWN) if id.encode() in key + value] == []
    assert state.unaccounted() == 0
    # A restart knows as much.
    again = State()
    store.restore(kept.items(), again)
    assert again.erased == state.erased


def test_changes_of_a_joined_id_read_after_its_erase_bring_nothing_back() -> None:
    assert partition_for(GUEST.encode(), POLICY.lanes) != partition_for(KNOWN.encode(), POLICY.lanes)
    lanes = lanes_of([("order", GUEST), ("order", KNOWN)], 1, KNOWN)
    events = sum(len(log.records) for log in lanes.logs)
    first_events = [0] * (events + 50)
    state, _, ever = read(lanes, iter(first_events))
    assert (len(state.people), ever) == (0, set()), "events first: no record is made"
    state, _, ever = read(lanes, iter([-1] * (events + 50)))
    assert (len(state.people), ever) == (0, {GUEST, KNOWN}), "changes first: they are made, and forgotten"
