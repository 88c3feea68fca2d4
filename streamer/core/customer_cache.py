"""The customers of one lane that are in memory, with their rows of the behaviour memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from models.behaviour.layout import IntArray
from models.behaviour.memory import Memory
from models.customer.customer import Customer


class CustomerCache:
    """Customers by id, and by row of the behaviour memory.

    Not every customer of a lane needs to be here: the rest is in the view, and can be recomputed from there.
    """

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.customers: dict[str, Customer] = {}
        # How many of them only say whose events these are.
        self.aliases = 0
        self._by_row: dict[int, Customer] = {}
        # -1 lives by the lane's clock; other numbers stand for imports, so that rows group without a loop.
        self._domains = np.full(1024, -2, dtype=np.int32)
        self._sources: dict[str, int] = {}
        # For each clock a day to which all its residents are stepped, at least: spares looking at every row.
        self.stepped: dict[str | None, int] = {}

    def __len__(self) -> int:
        return len(self.customers)

    def get(self, id: str) -> Customer | None:
        return self.customers.get(id)

    def of_row(self, row: int) -> Customer:
        return self._by_row[row]

    def load(self, customer: Customer, row: int) -> None:
        """Take a customer in, with the row that holds its behaviour; -1 for who has none."""
        self.customers[customer.id] = customer
        customer.row = -1
        self.aliases += customer.profile is not None and customer.profile.alias is not None
        if row >= 0:
            self.give_row(customer, row)

    def give_row(self, customer: Customer, row: int) -> None:
        """From now on the customer has a behaviour memory, in ``row``."""
        customer.row = row
        self._by_row[row] = customer
        if row >= len(self._domains):
            grown = np.full(max(row + 1, 2 * len(self._domains)), -2, dtype=np.int32)
            grown[: len(self._domains)] = self._domains
            self._domains = grown
        self._domains[row] = self._code(customer.source)
        self._lower(customer.source, row)

    def evict(self, id: str) -> None:
        """Drop a customer from memory; what was written stays in the view."""
        customer = self.customers.pop(id)
        self.aliases -= customer.profile is not None and customer.profile.alias is not None
        if customer.row >= 0:
            self.take_row(customer)

    def take_row(self, customer: Customer) -> None:
        """Drop the customer's behaviour memory."""
        del self._by_row[customer.row]
        self._domains[customer.row] = -2
        self.memory.free(customer.row)
        customer.row = -1

    def move_clock(self, customer: Customer, source: str | None) -> None:
        """From now on the customer lives by another clock: an import's, or the lane's (None)."""
        customer.source = source
        if customer.row >= 0:
            self._domains[customer.row] = self._code(source)
            self._lower(source, customer.row)

    @property
    def sources(self) -> tuple[str | None, ...]:
        """The clocks that residents live by, or have lived by: the lane's (None) and imports'."""
        return None, *self._sources

    def rows_by_source(self, sources: Iterable[str | None]) -> Iterator[tuple[str | None, IntArray]]:
        """The rows whose customers live by each of the given clocks."""
        for source in sources:
            yield source, np.flatnonzero(self._domains == self._code(source)).astype(np.int64)

    def is_behind(self, customer: Customer, day: int) -> bool:
        """Whether the customer's behaviour is not yet stepped to ``day``."""
        return (
            self.stepped.get(customer.source, -1) < day and customer.row >= 0 and self.memory.day_of(customer.row) < day
        )

    def _lower(self, source: str | None, row: int) -> None:
        day = self.memory.day_of(row)
        if self.stepped.get(source, day) > day:
            self.stepped[source] = day

    def _code(self, source: str | None) -> int:
        return -1 if source is None else self._sources.setdefault(source, len(self._sources))
