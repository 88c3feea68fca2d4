"""Noise as in real streams: late events, duplicates, and unusable records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np

from streamer.simulator.config import ShopConfig
from streamer.simulator.population import Floats, Ints
from streamer.simulator.render import Rendered

_HOUR_MS = 3_600_000.0
_LATE_MS = (_HOUR_MS, 72 * _HOUR_MS)
_REPEAT_MS = (1_000.0, 24 * _HOUR_MS)


def _cut(value: bytes) -> tuple[str, bytes]:
    return "not_json", value[: len(value) // 2]


def _unknown_type(value: bytes) -> tuple[str, bytes]:
    before, found, after = value.partition(b'"type":"')
    return "unknown_type", before + found + b"order.teleported" + after[after.index(b'"') :]


def _missing_field(value: bytes) -> tuple[str, bytes]:
    return "invalid_field", value.replace(b'"occurred_at"', b'"ocurred_at"', 1)


def _negative_price(value: bytes) -> tuple[str, bytes]:
    changed = value.replace(b'"price":', b'"price":-', 1)
    return ("invalid_field", changed) if changed != value else _missing_field(value)


def _wrong_key(value: bytes) -> tuple[str, bytes]:
    return "key_mismatch", value


def _bad_currency(value: bytes) -> tuple[str, bytes]:
    before, found, after = value.partition(b'"currency":"')
    if not found:
        return _missing_field(value)
    # Only counted money needs an exchange rate; a currency code in lower case is rejected everywhere.
    counted = b'"total":' in value
    return (
        ("unknown_currency", before + found + b"ZZZ" + after[3:])
        if counted
        else ("invalid_field", before + found + after[:3].lower() + after[3:])
    )


BREAKS: tuple[Callable[[bytes], tuple[str, bytes]], ...] = (
    _cut,
    _unknown_type,
    _missing_field,
    _negative_price,
    _wrong_key,
    _bad_currency,
)
"""Ways to corrupt a valid value: each returns the reason of the expected dead letter, and the new value."""


def add_noise(
    config: ShopConfig, events: Rendered, arrival: Ints, rng: np.random.Generator, sent: Counter[str]
) -> Ints:
    """Append duplicates and broken records to ``events``; return the arrival time of each record (ms).

    ``arrival`` holds the arrival times of the original events. ``sent`` counts the changes: ``late``, ``duplicates``,
    and ``broken:`` with the reason under which the record must be dead-lettered.
    """
    count = len(events.at)
    if not count or not (config.late or config.duplicates or config.broken):
        return arrival
    waits = lateness(config.late, count, rng)
    arrival = arrival + waits
    sent["late"] += int(np.count_nonzero(waits))
    arrivals = [arrival]

    repeats = np.flatnonzero(rng.random(count) < config.duplicates)
    for place in repeats.tolist():
        events.at.append(events.at[place])
        events.keys.append(events.keys[place])
        events.values.append(events.values[place])
    arrivals.append(arrival[repeats] + _wait(_REPEAT_MS, len(repeats), rng).astype(np.int64))
    sent["duplicates"] += len(repeats)

    spoiled = np.flatnonzero(rng.random(count) < config.broken)
    kinds = rng.integers(len(BREAKS), size=len(spoiled))
    for place, kind in zip(spoiled.tolist(), kinds.tolist(), strict=True):
        # Use a new id, so that a broken record does not replace the valid event it was made from.
        value = events.values[place].replace(b'"event_id":"', b'"event_id":"x', 1)
        events.at.append(events.at[place])
        reason, value = BREAKS[kind](value)
        events.keys.append(b"nobody" if reason == "key_mismatch" else events.keys[place])
        events.values.append(value)
        sent[f"broken:{reason}"] += 1
    arrivals.append(arrival[spoiled])
    return np.concatenate(arrivals)


def lateness(share: float, count: int, rng: np.random.Generator) -> Ints:
    """Draw the delay (ms) between event time and arrival of ``count`` events: 0, or an hour to three days."""
    late = rng.random(count) < share
    return np.where(late, _wait(_LATE_MS, count, rng), 0.0).astype(np.int64)


def _wait(span: tuple[float, float], count: int, rng: np.random.Generator) -> Floats:
    """Draw waits in ms, log-uniform over ``span``: many short ones, a few long."""
    return np.exp(rng.uniform(np.log(span[0]), np.log(span[1]), count))
