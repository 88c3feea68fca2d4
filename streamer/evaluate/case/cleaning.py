"""Counts of unusable data: rows without a customer, cancellations, prices of zero."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from models.behaviour.bucket import B_ORDERS
from streamer.evaluate.activity import Activity
from streamer.sources.files import lines
from streamer.sources.online_retail import OnlineRetail
from streamer.sources.retail_rows import COLUMNS, column_positions
from streamer.sources.source import FileSource

_MAX_LINE_BYTES: Final = 1 << 16

Fact = tuple[str, int]
"""A count with its description."""


def facts(source: FileSource, activity: Activity) -> list[Fact]:
    """Return the counts of a file as read; for Online Retail also those of its raw rows."""
    bought = activity.buckets[:, B_ORDERS] > 0
    buyers = len(np.unique(activity.customer[bought]))
    found = [("rows", source.rows or int(activity.events.sum()))]
    found += [(f"rows refused: {reason.replace('_', ' ')}", count) for reason, count in source.skipped.most_common()]
    found += [
        ("customers", len(activity.customers)),
        ("customers without an order on any day", len(activity.customers) - buyers),
        ("days with an order, over all customers", int(bought.sum())),
    ]
    return found + (_of_rows(source.path) if isinstance(source, OnlineRetail) else [])


def _of_rows(path: Path) -> list[Fact]:
    """Count the raw rows of an Online Retail file."""
    count: Counter[str] = Counter()
    seen: set[tuple[str, ...]] = set()
    cancelled: set[str] = set()
    customers: dict[str, set[bool]] = {}
    largest = 0
    for row in _rows(path):
        invoice, _, description, quantity, _, price, customer, _ = row
        takes_back, units = invoice.startswith("C"), int(quantity)
        count["without description"] += not description.strip()
        count["of cancellations"] += takes_back
        count["with a negative quantity"] += units < 0
        count["with a negative quantity that are no cancellation"] += units < 0 and not takes_back
        count["with a price of nought"] += float(price) == 0
        count["with a negative price"] += float(price) < 0
        count["repeated exactly"] += row in seen
        seen.add(row)
        largest = max(largest, units)
        if takes_back:
            cancelled.add(invoice)
        if customer:
            customers.setdefault(customer, set()).add(takes_back)
    return [
        *((f"rows {what}", number) for what, number in count.items()),
        ("cancelling invoices", len(cancelled)),
        ("customers with cancellations only", sum(kinds == {True} for kinds in customers.values())),
        ("units in the largest row", largest),
    ]


def _rows(path: Path) -> Iterator[tuple[str, ...]]:
    texts = (line.decode("utf-8", "replace") for line in lines(path, _MAX_LINE_BYTES) if line)
    reader = csv.reader(texts)
    positions = column_positions(next(reader, []))
    places = [at for name in COLUMNS if (at := positions[name]) is not None]
    for row in reader:
        if len(row) > max(places):
            yield tuple(row[at] for at in places)
