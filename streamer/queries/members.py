"""List customers: the members of a segment, or those who currently meet a condition."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from unicodedata import normalize

from models.behaviour.model import SEGMENTATION
from models.customer.customer import Customer
from models.features.context import FeatureContext
from models.features.time import DayGrid
from models.features.traits import text_trait
from models.rules.declared import load
from models.rules.defaults import DEFAULT_TEXT
from models.rules.definitions import Definitions
from models.rules.due import next_moves
from models.rules.evaluate import facts
from schemas.errors import UserError
from schemas.wire_time import iso
from streamer.adapters.redis_reader import ViewReader
from streamer.core.forecasts import LaneForecasts
from streamer.core.ledger import Ledger
from streamer.queries.cluster_moves import cluster_moves
from streamer.queries.everyone import among, in_lane
from streamer.queries.forecasts import forecasts
from streamer.queries.foreseen_of_many import Foreseen, foreseen_of_many, now_in

COLUMNS: Final = ("id", "name", "email", "since", "last_order", "next_segment", "next_at")
PREDICTIONS: Final = ("p_buy_30d", "expected_spend_90d")
FILE_COLUMNS: Final = (*COLUMNS, *PREDICTIONS, "predictions_version")
"""Columns of CSV files and JSON, too many for a table on a terminal."""
_CONDITION: Final = "asked_once"


@dataclass(frozen=True, slots=True)
class Member:
    """A customer as shown in lists; instants are in epoch ms.

    Attributes
    ----------
    since
        When the customer entered the segment; None if found by a condition.
    next_move
        Next segment by time alone and its instant; None if time changes nothing.
    foreseen
        Selected predictions; None if there are none.
    """

    id: str
    name: str | None
    email: str | None
    since: int | None
    last_order: int | None
    next_move: tuple[str, int] | None
    foreseen: Foreseen | None = None


def members(
    view: ViewReader,
    definitions: Definitions,
    shop: FeatureContext,
    grid: DayGrid,
    segments: Sequence[str],
    since: int | None = None,
    ids: Mapping[int, Sequence[str]] | None = None,
) -> Iterator[Member]:
    """Yield the customers of the segments (``SEGMENT`` or ``SEGMENTATION/SEGMENT``), in byte order of ids by lane.

    Parameters
    ----------
    since
        Include only customers who entered at this instant (ms) or later.
    ids
        Ids of possible members by lane, in byte order, so that only these are read; None to read all customers.
    """
    wanted = [split(name) for name in segments]
    ledgers = {ledger.partition: ledger for ledger in view.ledgers()}
    says = _Foreseeing(view, ledgers, shop)
    for lane, chunk in _chunks(view, ids=ids):
        places = {one.id: place for one, _ in chunk if (place := _place(one, wanted, since)) is not None}
        clustered = [one for one in chunk if places.get(one[0].id, ("",))[0] == SEGMENTATION]
        ahead = cluster_moves(clustered, ledgers[lane], view.models(lane), grid) if clustered else {}
        predictions = says.of([one for one, _ in chunk if one.id in places], lane)
        for customer, _ in chunk:
            if (place := places.get(customer.id)) is not None:
                found = member_of(customer, place[1], place[0], definitions, shop, ahead.get(customer.id))
                yield replace(found, foreseen=predictions.get(customer.id))


def _place(customer: Customer, wanted: Collection[tuple[str | None, str]], since: int | None) -> tuple[str, int] | None:
    """Return the segmentation in which a customer is in a wanted segment, and since when; None if in none."""
    for segmentation, held in customer.segments.items():
        if (segmentation, held.segment) in wanted or (None, held.segment) in wanted:
            return (segmentation, held.since) if since is None or held.since >= since else None
    return None


def name_of(customer: Customer) -> str | None:
    """Return the customer's name, or None if no event contained it."""
    return text_trait(customer, "name") or text_trait(customer, "custom.name")


def found_by(view: ViewReader, text: str) -> Iterator[Member]:
    """Yield the customers whose ids, name, e-mail or phone number contain a text, ignoring case.

    Customers who withdrew consent are found only by id, because no other data is stored.
    """
    wanted = normalize("NFC", text).casefold()
    for customer in _everyone(view, with_consent=False):
        profile = customer.profile
        names = (name_of(customer), text_trait(customer, "email"), text_trait(customer, "phone"))
        aliases = () if profile is None else profile.aliases
        if any(wanted in one.casefold() for one in (customer.id, *aliases, *filter(None, names))):
            yield _member(customer, None, None)


def member_of(
    customer: Customer,
    since: int,
    segmentation: str,
    definitions: Definitions,
    shop: FeatureContext,
    among_clusters: tuple[str, int] | None = None,
) -> Member:
    """Return a customer as a member of a segment.

    The next move is within that segmentation: by its rules or bands, otherwise ``among_clusters``.
    """
    if not _rules(definitions, segmentation):
        return _member(customer, since, among_clusters)
    return _member(customer, since, next_moves(customer, {segmentation}, definitions, shop).get(segmentation))


def row(one: Member) -> dict[str, str | None]:
    """Return the values of FILE_COLUMNS as text, for tables and CSV files."""
    to, at = one.next_move or (None, None)
    values = (one.id, one.name, one.email, _time(one.since), _time(one.last_order), to, _time(at))
    predictions = one.foreseen
    predicted = dict.fromkeys((*PREDICTIONS, "predictions_version")) if predictions is None else _written(predictions)
    return {**dict(zip(COLUMNS, values, strict=True)), **predicted}


def _written(predictions: Foreseen) -> dict[str, str | None]:
    return {
        **{name: f"{predictions.values[name]:.{digits}f}" for name, digits in zip(PREDICTIONS, (3, 2), strict=True)},
        "predictions_version": str(predictions.version),
    }


def _time(at: int | None) -> str | None:
    return None if at is None else iso(at)


def matching(
    view: ViewReader, text: str | None, condition: str, shop: FeatureContext, clock: Callable[[Customer], int]
) -> Iterator[Member]:
    """Yield the customers who currently meet a condition in the rules' language, without activating anything.

    Parameters
    ----------
    text
        File of the segmentations in force, which the condition may refer to; None for the built-in ones.
    clock
        Returns a customer's current instant (ms).

    Raises
    ------
    UserError
        The condition is invalid.
    """
    wanted = _condition(text or DEFAULT_TEXT, condition)
    segmentation = next(one for one in wanted.segmentations if one.name == _CONDITION)
    says = _Foreseeing(view, {ledger.partition: ledger for ledger in view.ledgers()}, shop, clock)
    for lane, chunk in _chunks(view):
        context = replace(shop, forecasts=says.in_lane(lane)) if wanted.behind_predictions else shop
        those = [
            one for one, _ in chunk if segmentation.evaluate(None, facts(one, clock(one), wanted, context)) == "yes"
        ]
        predictions = says.of(those, lane)
        for customer in those:
            yield _member(customer, None, None, predictions.get(customer.id))


def check_names(segments: Sequence[str], definitions: Definitions, sizes: dict[str, dict[str, int]]) -> None:
    """Raise UserError for unknown segments, with a list of the known ones."""
    known = {(one.name, segment.id) for one in definitions.segmentations for segment in one.segments}
    known |= {(name, id) for name, held in sizes.items() for id in held}
    for wanted in segments:
        segmentation, id = split(wanted)
        if not any(id == one and segmentation in (None, name) for name, one in known):
            every = ", ".join(sorted({id for _, id in known}))
            raise UserError(f"no such segment: {wanted}", f"segments: {every}")


def _condition(text: str, condition: str) -> Definitions:
    """Return the segmentations in force, plus one that evaluates the condition."""
    quoted = '"' + condition.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'
    more = (
        f'\n[{_CONDITION}]\nkind = "rules"\nrules = [ {{ segment = "yes", when = {quoted} }}, {{ segment = "no" }} ]\n'
        f"[{_CONDITION}.segments]\nyes = {{}}\nno = {{}}\n"
    )
    tomllib.loads(more)
    return load(text + more, 0, "the condition")


def _everyone(view: ViewReader, *, with_consent: bool = True) -> Iterator[Customer]:
    return (customer for _, chunk in _chunks(view, with_consent=with_consent) for customer, _ in chunk)


def _chunks(
    view: ViewReader, *, with_consent: bool = True, ids: Mapping[int, Sequence[str]] | None = None
) -> Iterator[tuple[int, list[tuple[Customer, bytes]]]]:
    """Yield customers by lane, in chunks, each with its behaviour memory; only those of ``ids`` if given."""
    for lane in range(view.lanes):
        for chunk in in_lane(view, lane) if ids is None else among(view, lane, ids.get(lane, ())):
            # Without consent there is no behaviour memory, and such customers appear in no segment list.
            yield lane, [one for one in chunk if one[1] or not with_consent]


class _Foreseeing:
    """Predictions of customers, lane by lane. ``clock`` is as in `matching` and defaults to the clock of the lane's ledger."""

    def __init__(
        self,
        view: ViewReader,
        ledgers: Mapping[int, Ledger],
        shop: FeatureContext,
        clock: Callable[[Customer], int] | None = None,
    ) -> None:
        self._view, self._ledgers, self._shop, self._clock = view, ledgers, shop, clock
        self._lanes: dict[int, LaneForecasts] = {}

    def in_lane(self, lane: int) -> LaneForecasts:
        """Return the predictions in force in a lane."""
        if lane not in self._lanes:
            self._lanes[lane] = forecasts(self._view, lane, self._ledgers.get(lane), self._shop)
        return self._lanes[lane]

    def of(self, customers: Sequence[Customer], lane: int) -> dict[str, Foreseen]:
        """Return the PREDICTIONS of a lane's customers, by id."""
        if not customers:
            return {}
        says = self.in_lane(lane)
        return foreseen_of_many(customers, self._clock or now_in(says), says, PREDICTIONS)


def _member(
    customer: Customer, since: int | None, ahead: tuple[str, int] | None, predictions: Foreseen | None = None
) -> Member:
    return Member(
        customer.id,
        name_of(customer),
        text_trait(customer, "email"),
        since,
        customer.statistics.last_order,
        ahead,
        predictions,
    )


def split(wanted: str) -> tuple[str | None, str]:
    """Return the segmentation, if named, and the id of a segment."""
    segmentation, slash, id = wanted.rpartition("/")
    return (segmentation if slash else None), id


def _rules(definitions: Definitions, segmentation: str) -> bool:
    return any(one.name == segmentation for one in definitions.segmentations)
