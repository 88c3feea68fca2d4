"""Find the currencies of a source's amounts from its first events, before anything is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Final

from schemas.arrivals import OrderCompleted, OrderReversed
from schemas.codec import arrival
from schemas.errors import InvalidEvent
from streamer.sources.mapped_file import MappedFile
from streamer.sources.source import Source, SourceEvent

AMOUNTS: Final = 1_000
"""Maximum number of amounts to examine."""
_EVENTS: Final = 20_000
_ROWS: Final = 2_000


def currencies(source: Source) -> Counter[str]:
    """Count the currencies of the first order and refund amounts. Amounts without a currency use the shop's.

    >>> from streamer.simulator.config import ShopConfig
    >>> from streamer.simulator.simulate import Shop
    >>> set(currencies(Shop(ShopConfig(customers=50, days=20, currency="CHF"))))
    {'CHF'}
    """
    return Counter(islice(_named(_first(source)), AMOUNTS))


def _first(source: Source) -> Iterator[SourceEvent]:
    # A table yields its first event only after it has been read and sorted completely.
    return source.sample(_ROWS) if isinstance(source, MappedFile) else islice(source.events(), _EVENTS)


def _named(events: Iterator[SourceEvent]) -> Iterator[str]:
    for one in events:
        try:
            event = arrival(one.key, one.value)
        except InvalidEvent:
            continue
        if isinstance(event, OrderCompleted | OrderReversed) and event.total is not None and event.currency is not None:
            yield event.currency
