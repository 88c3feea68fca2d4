"""The truth about the simulated customers, with which their segments are compared."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from streamer.simulator.population import KINDS
from streamer.simulator.world import World


@dataclass(frozen=True, slots=True)
class CustomerTruth:
    """One customer's archetypes over time.

    Attributes
    ----------
    spells
        ``(day, archetype)`` in order of time; days count from the start of the history. The first spell begins on the
        day of joining, a second one on the day of the customer's change.
    bot
        Whether a bot makes the interactions; the archetype then applies only to orders.
    """

    customer_id: str
    spells: tuple[tuple[int, str], ...]
    bot: bool = False

    def archetype_on(self, day: float) -> str | None:
        """Return the archetype on a day; None before the customer joined."""
        found = None
        for begins, archetype in self.spells:
            if begins <= day:
                found = archetype
        return found


def truth_of(world: World) -> list[CustomerTruth]:
    """Return the truth of every customer, in the order of their ids."""
    people = world.population
    spells: list[list[tuple[int, str]]] = [[] for _ in world.ids]
    for customer, begins, kind in zip(
        people.customer.tolist(), people.begins.tolist(), people.kind.tolist(), strict=True
    ):
        spells[customer].append((int(begins), KINDS[kind].name))
    return [
        CustomerTruth(customer_id, tuple(sorted(own)), bot)
        for customer_id, own, bot in zip(world.ids, spells, people.bots.tolist(), strict=True)
    ]


def write_truth(customers: list[CustomerTruth], path: Path) -> None:
    """Write one JSON object per line: ``customer_id``, ``spells`` as ``[[day, archetype], ...]``, ``bot``."""
    with path.open("w", encoding="utf-8") as stream:
        for customer in customers:
            row = {"customer_id": customer.customer_id, "spells": customer.spells, "bot": customer.bot}
            stream.write(json.dumps(row) + "\n")


def read_truth(path: Path) -> list[CustomerTruth]:
    """Read the file of ``write_truth``."""
    found = []
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            row = json.loads(line)
            spells = tuple((int(day), str(archetype)) for day, archetype in row["spells"])
            found.append(CustomerTruth(row["customer_id"], spells, row["bot"]))
    return found
