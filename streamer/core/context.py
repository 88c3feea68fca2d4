"""The working set of one ``decide`` call: the lane's state, the policy, and the decision under construction."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from models.behaviour.model import ClusterModel
from models.behaviour.moves import Move
from models.customer.customer import Customer
from models.features.context import FeatureContext
from models.features.time import DayGrid
from models.prediction.model import PredictionModel
from models.rules.definitions import Definitions
from models.rules.evaluate import moved_by_interactions
from schemas.records import LogRecord
from streamer.core.customer_cache import CustomerCache
from streamer.core.decision import Decision
from streamer.core.fold import FoldContext
from streamer.core.forecasts import LaneForecasts, borders_of
from streamer.core.ledger import Ledger, tracked_name
from streamer.core.policy import Policy
from streamer.core.state import LaneState


@dataclass(slots=True)
class Context:
    """One call of ``decide``. Functions of this package take it first and change only ``state`` and ``decision``.

    Attributes
    ----------
    definitions
        The newest version of the declared segmentations.
    assigns_on_interaction
        Whether an interaction may change a segment under them.
    pending
        Cluster moves that daily steps found ahead of time, by customer id. Applied at the customer's next turn.
    active
        Customers with activity since the last control record; the model owner receives their panel rows.
    reported
        Ids with a panel row already in the decision.
    forecasts
        The predictions in force; None if no rule uses one.
    nights
        Grid days on which to re-evaluate a customer's rules against predictions, by customer id. Applied at the
        customer's next turn.
    late
        Customers whose nights apply at once because the record being applied was late.
    """

    state: LaneState
    policy: Policy
    decision: Decision = field(default_factory=Decision)
    pending: dict[str, list[Move]] = field(default_factory=dict)
    active: dict[str, Customer] = field(default_factory=dict)
    reported: set[str] = field(default_factory=set)
    nights: dict[str, list[int]] = field(default_factory=dict)
    late: list[Customer] = field(default_factory=list)
    # Read once from the state and the policy because every record needs them.
    ledger: Ledger = field(init=False)
    cache: CustomerCache = field(init=False)
    shop: FeatureContext = field(init=False)
    grid: DayGrid = field(init=False)
    folding: FoldContext = field(init=False)
    definitions: Definitions = field(init=False)
    assigns_on_interaction: bool = field(init=False)
    forecasts: LaneForecasts | None = field(init=False)

    def __post_init__(self) -> None:
        self.ledger, self.cache = self.state.ledger, self.state.cache
        self.shop, self.grid = self.policy.shop, self.policy.grid
        self.folding = FoldContext(self.policy.rates, self.shop, self.cache.memory, self._tracked_as)
        self.adopt_definitions()

    def adopt_definitions(self) -> None:
        """Switch to the definitions now in force."""
        self.definitions = self.state.in_force(self.policy)
        self.assigns_on_interaction = moved_by_interactions(self.definitions)
        state, shop = self.state, self.policy.shop
        borders = borders_of((self.policy.definitions, *state.definitions.values()))
        self.forecasts = None
        if borders:
            self.forecasts = LaneForecasts.of(self.ledger, state.predictions, borders, self.grid, shop.minor_per_major)
            self.shop = replace(shop, forecasts=self.forecasts)

    def adopt_model(self, model: ClusterModel | PredictionModel) -> None:
        """Store a version from a control record."""
        self.state.adopt(model)
        if isinstance(model, PredictionModel):
            self.decision.predictions[model.version] = model
        else:
            self.decision.models[model.version] = model
        self.forget_versions()

    def forget_versions(self) -> None:
        """Drop cached timelines after a change of the versions in force."""
        if self.forecasts is not None:
            self.forecasts.forget_versions()

    def schedule_nights(self, customer: Customer) -> None:
        """Schedule rule evaluations for the nights after the customer's ``as_of`` that time has already passed."""
        if self.forecasts is None or not customer.is_segmentable:
            return
        start, target = self.grid.day_of(customer.as_of), self.cache.memory.day_of(customer.row)
        if start < target:
            nights = self.forecasts.nights([customer], customer.clock_id, np.array([start]), np.array([target]))
            self.nights.update(nights)
            if nights:
                self.late.append(customer)

    def _tracked_as(self, name: str) -> str:
        return tracked_name(self.ledger, name, self.definitions.counted_events)

    def clock_id(self, import_id: str | None) -> str | None:
        """Return the clock for the customer of an imported record: the import's while open, else the lane's (None)."""
        return import_id if import_id in self.ledger.imports else None

    def create(self, id: str, record: LogRecord, at: int, clock_id: str | None, erased: int | None) -> Customer:
        """Create a customer from a record; ``erased`` is the instant (ms) up to which its predecessor was erased."""
        customer = Customer(id, (record.partition, record.offset), at)
        customer.clock_id = clock_id
        customer.definitions_version = self.definitions.version
        if erased is not None:
            customer.edit_profile().erased = erased
        row = self.cache.memory.new_row(self.grid.day_of(at)) if self.policy.consent_default else -1
        self.cache.load(customer, row)
        self.ledger.customers += 1
        self.decision.born.add(id)
        return customer
