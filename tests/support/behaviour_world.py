"""Simulate a small shop with known truth: archetypes that order and click by Poisson processes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from models.behaviour.daily_step import advance
from models.behaviour.memory import Memory
from models.behaviour.model import ClusterModel
from models.behaviour.moves import Move
from models.behaviour.panel import PanelRow
from models.learning.learner import Learner, LearnerConfig

FIRST_DAY = 19_000
CATEGORIES = ("tea", "cups", "cake", "books", "lamps", "toys")


@dataclass(frozen=True)
class Archetype:
    """Order-days and click-days per day, typical basket in minor units, discount share, categories used."""

    orders: float
    clicks: float
    basket: float
    discount: float
    breadth: int


ARCHETYPES = {
    "champion": Archetype(0.20, 0.55, 6_000, 0.10, 5),
    "big": Archetype(0.035, 0.20, 40_000, 0.05, 2),
    "bargain": Archetype(0.09, 0.35, 2_500, 0.85, 3),
    "browser": Archetype(0.012, 0.60, 3_000, 0.20, 2),
    "lapsed": Archetype(0.008, 0.03, 4_000, 0.20, 1),
}


@dataclass
class World:
    """Plays a shop day by day with ``run``; ``moves`` and ``models`` collect the results."""

    customers: int = 300
    seed: int = 7
    config: LearnerConfig = field(default_factory=LearnerConfig)
    alike: float = 8.0  # Gamma shape of customers' individual rates
    clicks: bool = True  # whether clicks are recorded
    discounts: bool = True  # whether discounts are recorded

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.memory = Memory()
        self.learner = Learner(self.config)
        self.timeline: list[tuple[int, ClusterModel]] = []
        self.outcomes: list[str] = []
        self.moves: list[Move] = []
        self.day = FIRST_DAY
        names = list(ARCHETYPES)
        self.truth = [names[i % len(names)] for i in range(self.customers)]
        self.rows = np.array([self.memory.new_row(FIRST_DAY) for _ in self.truth], dtype=np.int64)
        self.busy = self.rng.gamma(self.alike, 1 / self.alike, (self.customers, 2))
        self.taste = np.exp(self.rng.normal(0, 0.2, self.customers))
        self.quiet: set[int] = set()

    def run(self, days: int, learn: bool = True) -> None:
        """Play this number of days."""
        for _ in range(days):
            self._trade()
            if learn:
                learned = self.learner.learn(self.day)
                self.outcomes.append(learned.outcome)
                if learned.model is not None:
                    self.timeline.append((self.day + 1, learned.model))
            self.day += 1
            targets = np.full(self.customers, self.day)
            self.moves += advance(self.memory, self.rows, targets, self.timeline)

    def _trade(self) -> None:
        draws = self.rng.random((self.customers, 2))
        for i, name in enumerate(self.truth):
            kind, row = ARCHETYPES[name], int(self.rows[i])
            ordered = draws[i, 0] < kind.orders * self.busy[i, 0]
            clicked = self.clicks and draws[i, 1] < kind.clicks * self.busy[i, 1]
            if i in self.quiet or not (ordered or clicked):
                continue
            if clicked:
                self.memory.add_interaction(row, "click", "tea")
            if ordered:
                money = round(kind.basket * self.taste[i] * float(np.exp(self.rng.normal(0, 0.35))))
                category = CATEGORIES[int(self.rng.integers(kind.breadth))]
                cheap = bool(self.rng.random() < kind.discount) and self.discounts
                self.memory.add_order(row, money, cheap, [(category, money)])
            self.learner.observe(PanelRow(f"c{i}", self.day, self.memory.dump(row)))

    def label(self, i: int) -> str | None:
        """Return the segment id of customer ``i``."""
        return self.timeline[-1][1].id_of(self.memory.segment_code(int(self.rows[i])))
