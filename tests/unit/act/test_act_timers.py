"""Test when messages are evaluated: by their time, then by their channel's queue."""

from __future__ import annotations

from act_world import DAY, NOON, World, book, change, customer, play

from streamer.act.heart.room import free_at, room
from streamer.act.heart.state import ChannelState, Message
from streamer.act.timers import Timers

MOST = 100


def waiting(*plays: str, customers: int = 5) -> tuple[World, Timers, list[Message]]:
    ids = [f"c{number}" for number in range(customers)]
    world, timers = World(book(*plays), {id: customer(id) for id in ids}), Timers()
    found = [message for id in ids for message in world.take(change(id))]
    timers.follow([one.id for one in found], world.state.messages)
    return world, timers, found


def test_a_channel_is_given_as_many_as_it_has_room_for_best_first() -> None:
    world, timers, found = waiting(play("low"), play("high", more="priority = 5"))
    taken = timers.take(NOON, world.state, lambda channel: 3, MOST)
    assert [one.play for one in taken] == ["high"] * 3
    assert timers.take(NOON, world.state, lambda channel: 0, MOST) == []
    rest = timers.take(NOON, world.state, lambda channel: MOST, MOST)
    assert [one.play for one in rest] == ["high"] * 2 + ["low"] * 5
    assert {one.id for one in (*taken, *rest)} == {one.id for one in found}
    assert timers.take(NOON, world.state, lambda channel: MOST, MOST) == []


def test_a_full_channel_holds_up_no_other() -> None:
    world, timers, _ = waiting(play("mail", channel="mail"), play("hook", channel="hook"))
    taken = timers.take(NOON, world.state, lambda channel: MOST * (channel.name == "hook"), MOST)
    assert [one.play for one in taken] == ["hook"] * 5
    assert [one.name for one in timers.lines(world.state)] == ["mail"]


def test_what_expires_in_line_needs_no_room_and_neither_does_a_first_look() -> None:
    world, timers, found = waiting(play())
    assert timers.take(NOON, world.state, lambda channel: 0, MOST) == []
    gone = timers.take(NOON + 3 * DAY, world.state, lambda channel: 0, MOST)
    assert {one.id for one in gone} == {one.id for one in found}
    world, timers, found = waiting(play(more='if = "orders >= 0"'))
    assert len(timers.take(NOON, world.state, lambda channel: 0, MOST)) == len(found)


def test_what_is_set_anew_cleared_or_gone_leaves_the_line() -> None:
    world, timers, found = waiting(play())
    timers.take(NOON, world.state, lambda channel: 0, MOST)
    timers.set(found[0].id, NOON + 5)
    timers.clear(found[1].id)
    world.state.remove(found[2])
    assert {one.id for one in timers.take(NOON, world.state, lambda channel: MOST, MOST)} == {
        one.id for one in found[3:]
    }
    assert timers.next() == NOON + 5
    assert timers.take(NOON + 5, world.state, lambda channel: MOST, MOST) == [found[0]]


def test_room_is_the_least_of_calls_under_way_rates_and_the_breaker() -> None:
    world, _, found = waiting(play())
    channel, policy = world.state.channel(found[0]), world.policy
    assert room(channel, world.state, policy, 1, NOON) == policy.under_way - 1
    assert room(channel, world.state, policy, 9, NOON) == 0
    assert free_at(channel, world.state, NOON) == NOON
    world.state.ledger.channels["mail"] = ChannelState(opened=NOON, probe=NOON + 60_000)
    assert room(channel, world.state, policy, 0, NOON) == 0
    assert free_at(channel, world.state, NOON) == NOON + 60_000
    assert room(channel, world.state, policy, 0, NOON + 60_000) == 1
    assert room(channel, world.state, policy, 1, NOON + 60_000) == 0
