"""The customers of one lane that are in memory, with their rows of the behaviour memory."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

import numpy as np

from models.behaviour.layout import IntArray
from models.behaviour.memory import Memory
from models.customer.customer import Customer


class CustomerCache:
    """Customers by id, and by row of the behaviour memory.

    The cache need not hold every customer of the lane: the others are in the view and can be rebuilt from it.
    """

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.customers: dict[str, Customer] = {}
        # Number of cached aliases.
        self.aliases = 0
        self._by_row: dict[int, Customer] = {}
        # -1 is the lane's clock, other numbers are imports, so that rows can be grouped without a loop.
        self._clocks = np.full(1024, -2, dtype=np.int32)
        self._codes: dict[str, int] = {}
        # For each clock, a day to which all its customers have been stepped at least; saves a scan of all rows.
        self.stepped: dict[str | None, int] = {}

    def __len__(self) -> int:
        return len(self.customers)

    def get(self, id: str) -> Customer | None:
        return self.customers.get(id)

    def of_row(self, row: int) -> Customer:
        return self._by_row[row]

    def load(self, customer: Customer, row: int) -> None:
        """Add a customer with the row of its behaviour; -1 if it has none."""
        self.customers[customer.id] = customer
        customer.hold_row(-1)
        self.aliases += customer.is_alias
        if row >= 0:
            self.give_row(customer, row)

    def give_row(self, customer: Customer, row: int) -> None:
        """Give the customer the behaviour memory in ``row``."""
        customer.hold_row(row)
        self._by_row[row] = customer
        if row >= len(self._clocks):
            grown = np.full(max(row + 1, 2 * len(self._clocks)), -2, dtype=np.int32)
            grown[: len(self._clocks)] = self._clocks
            self._clocks = grown
        self._clocks[row] = self._code(customer.clock_id)
        self._lower(customer.clock_id, row)

    def evict(self, id: str) -> None:
        """Drop a customer from memory; the view keeps its state."""
        customer = self.customers.pop(id)
        self.aliases -= customer.is_alias
        if customer.is_segmentable:
            self.take_row(customer)

    def forget(self, most: int, kept: Container[str]) -> None:
        """Bound memory: evict the customers longest in memory, except those in ``kept``."""
        excess = len(self) - most
        if excess > 0:
            for id in [id for id in self.customers if id not in kept][:excess]:
                self.evict(id)

    def take_row(self, customer: Customer) -> None:
        """Drop the customer's behaviour memory."""
        del self._by_row[customer.row]
        self._clocks[customer.row] = -2
        self.memory.free(customer.row)
        customer.hold_row(-1)

    def move_clock(self, customer: Customer, clock_id: str | None) -> None:
        """Move the customer to another clock: an import's, or the lane's (None)."""
        customer.clock_id = clock_id
        if customer.is_segmentable:
            self._clocks[customer.row] = self._code(clock_id)
            self._lower(clock_id, customer.row)

    @property
    def clock_ids(self) -> tuple[str | None, ...]:
        """The clocks that cached customers use or have used: the lane's (None) and imports'."""
        return None, *self._codes

    def rows_by_clock(self, clock_ids: Iterable[str | None]) -> Iterator[tuple[str | None, IntArray]]:
        """Yield the rows of the customers on each of the given clocks."""
        for clock_id in clock_ids:
            yield clock_id, np.flatnonzero(self._clocks == self._code(clock_id)).astype(np.int64)

    def is_behind(self, customer: Customer, day: int) -> bool:
        """Return whether the customer's behaviour has not been stepped to ``day`` yet."""
        return (
            self.stepped.get(customer.clock_id, -1) < day
            and customer.is_segmentable
            and self.memory.day_of(customer.row) < day
        )

    def _lower(self, clock_id: str | None, row: int) -> None:
        day = self.memory.day_of(row)
        if self.stepped.get(clock_id, day) > day:
            self.stepped[clock_id] = day

    def _code(self, clock_id: str | None) -> int:
        return -1 if clock_id is None else self._codes.setdefault(clock_id, len(self._codes))
