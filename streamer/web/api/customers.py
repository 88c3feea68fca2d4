"""Handle lookups of one customer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from models.customer.customer import Customer
from models.features.context import FeatureContext
from models.features.features import FEATURES, feature_of
from models.features.predicted import PREDICTED
from models.features.traits import PROFILE_FEATURES
from models.rules.compiling import values_of
from models.rules.due import next_moves
from schemas.api import Explanation
from schemas.endpoints import LATEST
from schemas.wire_time import iso
from streamer.queries.customer import explain
from streamer.queries.foreseen import foreseen
from streamer.queries.foreseen_of_many import now_in
from streamer.queries.members import name_of
from streamer.web.api import parameters
from streamer.web.api.addresses import Addressed
from streamer.web.api.book import Book, Page
from streamer.web.api.problems import ProblemError
from streamer.web.api.view import Looked, View
from streamer.web.readmodel.reading import Reader

# Excludes predictions, which take several times as long as all other features and must be requested.
_all_values: Final = values_of({name: feature_of(name).value for name in FEATURES if name not in PREDICTED})
_own_values: Final = values_of(
    {name: feature_of(name).value for name in FEATURES if name not in PREDICTED and name not in PROFILE_FEATURES}
)
_NO_PROFILE: Final = values_of({name: one.value for name, one in PROFILE_FEATURES.items()})(
    Customer("", (0, 0), 0), 0, FeatureContext()
)
"""Features of customers without a profile. Most customers have none, and these are most of the features."""


class Customers:
    """Handlers for paths under ``/v1/customers``; ``reader`` opens the read model."""

    def __init__(self, view: View, book: Book, reader: Callable[[], Reader], addressed: Addressed) -> None:
        self._view = view
        self._book = book
        self._reader = reader
        self._addressed = addressed

    async def customer(self, request: Request) -> Response:
        """Return segments, features and next moves, as of the customer's latest event or applied due."""
        wanted = parameters.flag_of(request, "predictions")
        found = await self._found(request, orders=wanted)
        page = self._book.page
        answer = _shown(found.customer, page)
        if wanted:
            answer["predictions"] = predictions = _foreseen(found, page)
            answer["features"] |= dict.fromkeys(PREDICTED) if predictions is None else predictions["values"]
        return parameters.answer(answer)

    async def explanation(self, request: Request) -> Response:
        """Return the output of ``streamer customer show``."""
        id, page = parameters.id_of(request), self._book.page
        found = await self._book.query(lambda view: explain(view, page.policy, id))
        if found is None:
            raise _nobody(id)
        return parameters.answer({name: found.get(name) for name in Explanation.model_fields})

    async def history(self, request: Request) -> Response:
        """Return moves with their reasons, newest first."""
        before = parameters.number_of(request, "before", 1, LATEST, None)
        limit = parameters.limit_of(request)
        id = (await self._found(request)).customer.id
        moves = self._reader().history(id, before=before, limit=limit)
        for move in moves:
            move["at"] = iso(move["at"])
        return parameters.answer(
            {"customer_id": id, "moves": moves, "next": moves[-1]["seq"] if len(moves) == limit else None}
        )

    async def messages(self, request: Request) -> Response:
        """Return steps of messages, newest first."""
        id = (await self._found(request)).customer.id
        return parameters.answer({"customer_id": id, "steps": self._reader().messages(id)})

    async def search(self, request: Request) -> Response:
        """Return customers with this address, and ids that begin with this text."""
        text, limit = parameters.text_of(request, "query"), parameters.limit_of(request)
        found = dict.fromkeys([*await self._addressed.find(text), *self._reader().customers(text, limit)])
        return parameters.answer({"customers": list(found)[:limit]})

    async def _found(self, request: Request, *, orders: bool = False) -> Looked:
        id = parameters.id_of(request)
        found = await self._view.customer(id, orders=orders)
        if found is None:
            raise _nobody(id)
        return found


def _nobody(id: str) -> ProblemError:
    return ProblemError(404, "no such customer", "check the id; `GET /v1/customers?query=` searches by id prefix")


def _foreseen(found: Looked, page: Page) -> dict[str, Any] | None:
    says = page.forecasts.get(found.lane)
    return None if says is None else foreseen(found.customer, now_in(says)(found.customer), says)


def features_of(customer: Customer, at: int, context: FeatureContext) -> dict[str, float]:
    """Return all features except predictions at ``at`` (ms), by name."""
    if customer.profile is not None:
        return _all_values(customer, at, context)
    found = _own_values(customer, at, context)
    found.update(_NO_PROFILE)
    return found


def _shown(customer: Customer, page: Page) -> dict[str, Any]:
    definitions, context, at, named = page.policy.definitions, page.shop, customer.as_of, page.name
    ahead = next_moves(customer, definitions.kinds, definitions, context)
    last, profile = customer.statistics.last_order, customer.profile
    consent = None if profile is None else profile.consent
    return {
        "customer_id": customer.id,
        "as_of": iso(at),
        "name": name_of(customer),
        "seq": customer.seq,
        "segments": {
            name: {
                "id": held.segment,
                "name": named(name, held.segment),
                "since": iso(held.since),
            }
            for name, held in customer.segments.items()
        },
        # An unknown value (NaN) becomes null in JSON.
        "features": features_of(customer, at, context),
        "next_moves": {
            name: {"to": to, "name": named(name, to), "at": iso(when)} for name, (to, when) in ahead.items()
        },
        "consent": None
        if consent is None
        else {
            "personalization": consent.personalization,
            "marketing": consent.marketing,
            "analytics": consent.analytics,
        },
        "last_order": None if last is None else iso(last),
    }
