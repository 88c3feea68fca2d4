"""Keep slowly changing state that all answers need, refreshed periodically: segmentations, the cluster model, sizes.

Reading blocks, so it runs in a thread; answers use the last complete state.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import structlog

from models.behaviour.model import ClusterModel
from models.features.context import FeatureContext
from models.messages import messages
from models.rules.cards import Census, census
from models.rules.declared import load
from models.rules.defaults import DEFAULT_TEXT
from schemas.errors import TransientError, UserError
from streamer.adapters.redis_reader import Totals, ViewReader, totals
from streamer.core.forecasts import LaneForecasts
from streamer.core.ledger import Ledger
from streamer.core.policy import Policy
from streamer.queries import segments
from streamer.queries.forecasts import forecasts
from streamer.queries.names import segment_name

_SECONDS: Final = 5.0
_CENSUS_SECONDS: Final = 300.0
_log = structlog.get_logger()


@dataclass(frozen=True)
class Page:
    """One complete state.

    Attributes
    ----------
    policy
        Policy with the segmentations in force.
    text
        File of the segmentations.
    table
        Segmentations with their segments and sizes (``queries.segments``).
    clock
        Latest clock of any lane, epoch ms.
    totals
        Sums of all lanes' ledgers.
    ledgers, models
        Ledgers and stored cluster models, by lane.
    forecasts
        Predictions in force, by lane.
    """

    policy: Policy
    text: str
    model: ClusterModel | None
    table: dict[str, Any]
    clock: int
    totals: Totals
    ledgers: Mapping[int, Ledger]
    models: Mapping[int, Mapping[int, ClusterModel]]
    forecasts: Mapping[int, LaneForecasts]

    @cached_property
    def shop(self) -> FeatureContext:
        """The shop's units and calendar for features."""
        return self.policy.shop

    def name(self, segmentation: str, segment: str) -> str:
        """Return a segment's current name (`segment_name`)."""
        names = self._names
        found = names.get((segmentation, segment))
        if found is None:
            found = names[segmentation, segment] = segment_name(segmentation, segment, self.policy, self.model)
        return found

    @cached_property
    def _names(self) -> dict[tuple[str, str], str]:
        return {}


class Book:
    """Keeps the newest `Page`.

    Parameters
    ----------
    view
        Creates a reader of the view; called again after an outage of Redis.
    policy
        Policy of the settings.

    Attributes
    ----------
    ready
        Set once there is a page.
    """

    def __init__(self, view: Callable[[], ViewReader], policy: Policy) -> None:
        self._make = view
        self._policy = policy
        self._view: ViewReader | None = None
        self._page: Page | None = None
        self._census: tuple[float, Census] | None = None
        self._querying = asyncio.Lock()
        self.ready = asyncio.Event()

    @property
    def page(self) -> Page:
        """Return the newest state. Raises TransientError before the first."""
        if self._page is None:
            raise TransientError("Redis does not answer")
        return self._page

    async def follow(self) -> None:
        """Refresh every five seconds, until cancelled."""
        while True:
            with suppress(TransientError, UserError):
                self._page = await self.query(self._read)
                self.ready.set()
            await asyncio.sleep(_SECONDS)

    async def query(self, question: Callable[[ViewReader], Any]) -> Any:
        """Answer ``question`` in a thread, one at a time because the view is not thread-safe.

        Raises
        ------
        UserError, TransientError
            Redis does not answer.
        """
        async with self._querying:
            return await asyncio.to_thread(self._query, question)

    async def counted(self) -> Census:
        """Return typical figures of each segment, refreshed at most every five minutes because that reads all customers."""
        now = asyncio.get_running_loop().time()
        if self._census is None or now - self._census[0] > _CENSUS_SECONDS:
            page = self.page
            found = await self.query(lambda view: census(view.everyone(), page.clock, page.policy.shop))
            self._census = now, found
        return self._census[1]

    def close(self) -> None:
        if self._view is not None:
            self._view.close()
            self._view = None

    def _query(self, question: Callable[[ViewReader], Any]) -> Any:
        try:
            if self._view is None:
                self._view = self._make()
            return question(self._view)
        except UserError:
            self.close()
            raise

    def _read(self, view: ViewReader) -> Page:
        newest, ledgers = view.definitions(), view.ledgers()
        text = DEFAULT_TEXT if newest is None else newest[1]
        if newest is None:
            definitions = self._policy.definitions
        elif self._page is not None and self._page.policy.definitions.version == newest[0]:
            definitions = self._page.policy.definitions
        else:
            definitions = load(newest[1], newest[0])
        model = self._model(view, ledgers)
        words, summed = messages(self._policy.language), totals(ledgers)
        return Page(
            replace(self._policy, definitions=definitions),
            text,
            model,
            segments.table(definitions, model, summed.segments, words),
            max((one.clock for one in ledgers), default=0),
            summed,
            {one.partition: one for one in ledgers},
            {one.partition: self._models(view, one) for one in ledgers},
            {one.partition: self._forecasts(view, one) for one in ledgers},
        )

    def _models(self, view: ViewReader, ledger: Ledger) -> Mapping[int, ClusterModel]:
        """Return a lane's models, read again only if its ledger names a new one."""
        known = {} if self._page is None else self._page.models.get(ledger.partition, {})
        return known if {one.version for one in ledger.timeline} <= known.keys() else view.models(ledger.partition)

    def _forecasts(self, view: ViewReader, ledger: Ledger) -> LaneForecasts:
        """Return a lane's forecasts, read again only if the ledger names other versions than last time."""
        shop, known = self._policy.shop, None if self._page is None else self._page.forecasts.get(ledger.partition)
        named = {entry.version for entry in ledger.predictions}
        if known is None or not named <= known.models.keys():
            return forecasts(view, ledger.partition, ledger, shop)
        return LaneForecasts.of(ledger, known.models, known.borders, shop.grid, shop.minor_per_major)

    def _model(self, view: ViewReader, ledgers: list[Ledger]) -> ClusterModel | None:
        """Return the newest model, read again only if the ledgers name another one than last time."""
        known = None if self._page is None else self._page.model
        newest = max((entry.version for one in ledgers for entry in one.timeline), default=0)
        return known if known is not None and known.version == newest else view.model()
