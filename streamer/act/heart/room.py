"""Compute how many calls a channel accepts now and when it accepts the next, by breaker, calls in progress and rates."""

from __future__ import annotations

from streamer.act.heart import rates
from streamer.act.heart.due import Policy
from streamer.act.heart.state import State
from streamer.act.plays.book import Channel


def room(channel: Channel, state: State, policy: Policy, under_way: int, now: int) -> int:
    """Return how many calls of a channel may begin at ``now`` (ms); ``under_way`` is the number of unanswered calls."""
    held = state.ledger.channels.get(channel.name)
    if held is not None and held.opened:
        # A single call probes whether the channel answers again.
        return int(now >= held.probe and not under_way)
    most = (policy.under_way_keyed if channel.keyed else policy.under_way) - under_way
    windows = {} if held is None else held.windows
    return max(0, min(most, rates.room(windows, channel.rates, now)))


def free_at(channel: Channel, state: State, now: int) -> int:
    """Return the first instant (ms) from ``now`` on at which breaker and rates allow a call."""
    held = state.ledger.channels.get(channel.name)
    if held is None:
        return now
    return max(held.probe if held.opened else now, rates.free_at(held.windows, channel.rates, now))
