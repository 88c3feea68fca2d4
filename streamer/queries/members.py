"""Who they are: the customers of a segment, or those for whom a condition holds now."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final
from unicodedata import normalize

from models.behaviour.model import SEGMENTATION
from models.customer import snapshot
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
from streamer.queries.cluster_moves import cluster_moves
from streamer.queries.forecasts import forecasts

COLUMNS: Final = ("id", "name", "email", "since", "last_order", "next_segment", "next_at")
_CONDITION: Final = "asked_once"


@dataclass(frozen=True, slots=True)
class Member:
    """A customer as lists show it; instants in ms.

    Attributes
    ----------
    since
        When the customer entered the segment; None where the members are those of a condition.
    next_move
        The segment that time alone leads to, and when; None where time changes nothing.
    """

    id: str
    name: str | None
    email: str | None
    since: int | None
    last_order: int | None
    next_move: tuple[str, int] | None


def members(
    view: ViewReader,
    definitions: Definitions,
    shop: FeatureContext,
    grid: DayGrid,
    segments: list[str],
    since: int | None = None,
) -> Iterator[Member]:
    """The customers of the segments, written ``SEGMENT`` or ``SEGMENTATION/SEGMENT``, in byte order of ids by lane.

    Parameters
    ----------
    since
        Only those who entered at this instant (ms) or later.
    """
    wanted = [_split(name) for name in segments]
    ledgers = {ledger.partition: ledger for ledger in view.ledgers()}
    for lane, chunk in _chunks(view):
        places: dict[str, tuple[str, int]] = {}
        for customer, _ in chunk:
            for segmentation, held in customer.segments.items():
                if (segmentation, held.segment) in wanted or (None, held.segment) in wanted:
                    if since is None or held.since >= since:
                        places[customer.id] = segmentation, held.since
                    break
        clustered = [one for one in chunk if places.get(one[0].id, ("",))[0] == SEGMENTATION]
        ahead = cluster_moves(clustered, ledgers[lane], view.models(lane), grid) if clustered else {}
        for customer, _ in chunk:
            if (place := places.get(customer.id)) is not None:
                yield member_of(customer, place[1], place[0], definitions, shop, ahead.get(customer.id))


def name_of(customer: Customer) -> str | None:
    """What the customer is called; None where no event named it."""
    return text_trait(customer, "name") or text_trait(customer, "custom.name")


def found_by(view: ViewReader, text: str) -> Iterator[Member]:
    """The customers in whose ids, name, e-mail or phone number a text stands, whatever the case.

    Who withdrew consent is found by an id: nothing else is known then.
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
    """A customer as a member of a segment, with the next move within that segmentation: as rules or bands give it, else the
    one given.
    """
    if not _rules(definitions, segmentation):
        return _member(customer, since, among_clusters)
    return _member(customer, since, next_moves(customer, {segmentation}, definitions, shop).get(segmentation))


def row(one: Member) -> dict[str, str | None]:
    """The values of COLUMNS, as tables and CSV files write them."""
    to, at = one.next_move or (None, None)
    values = (one.id, one.name, one.email, _time(one.since), _time(one.last_order), to, _time(at))
    return dict(zip(COLUMNS, values, strict=True))


def _time(at: int | None) -> str | None:
    return None if at is None else iso(at)


def matching(
    view: ViewReader, text: str | None, condition: str, shop: FeatureContext, clock: Callable[[Customer], int]
) -> Iterator[Member]:
    """The customers for whom a condition of the rules' language holds now; nothing is activated.

    Parameters
    ----------
    text
        The file of the segmentations in force, to which the condition may refer; None for the built-in ones.
    clock
        The instant (ms) that is now for a customer.

    Raises
    ------
    UserError
        The condition cannot be read.
    """
    wanted = _condition(text or DEFAULT_TEXT, condition)
    segmentation = next(one for one in wanted.segmentations if one.name == _CONDITION)
    ledgers = {ledger.partition: ledger for ledger in view.ledgers()} if wanted.behind_predictions else {}
    contexts: dict[int, FeatureContext] = {}
    for lane, chunk in _chunks(view):
        if wanted.behind_predictions and lane not in contexts:
            contexts[lane] = replace(shop, forecasts=forecasts(view, lane, ledgers.get(lane), shop))
        for customer, _ in chunk:
            if segmentation.evaluate(None, facts(customer, clock(customer), wanted, contexts.get(lane, shop))) == "yes":
                yield _member(customer, None, None)


def check_names(segments: list[str], definitions: Definitions, sizes: dict[str, dict[str, int]]) -> None:
    """Refuse segments that are none, and name those that are. Raises UserError."""
    known = {(one.name, segment.id) for one in definitions.segmentations for segment in one.segments}
    known |= {(name, id) for name, held in sizes.items() for id in held}
    for wanted in segments:
        segmentation, id = _split(wanted)
        if not any(id == one and segmentation in (None, name) for name, one in known):
            every = ", ".join(sorted({id for _, id in known}))
            raise UserError(f"there is no segment {wanted}", f"`streamer segments list` shows them: {every}")


def _condition(text: str, condition: str) -> Definitions:
    """The segmentations in force, and one more that the condition decides."""
    quoted = '"' + condition.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'
    more = (
        f'\n[{_CONDITION}]\nkind = "rules"\nrules = [ {{ segment = "yes", when = {quoted} }}, {{ segment = "no" }} ]\n'
        f"[{_CONDITION}.segments]\nyes = {{}}\nno = {{}}\n"
    )
    tomllib.loads(more)
    return load(text + more, 0, "the condition")


def _everyone(view: ViewReader, *, with_consent: bool = True) -> Iterator[Customer]:
    return (customer for _, chunk in _chunks(view, with_consent=with_consent) for customer, _ in chunk)


def _chunks(view: ViewReader, *, with_consent: bool = True) -> Iterator[tuple[int, list[tuple[Customer, bytes]]]]:
    """The customers by lane, some at a time, each with what the clusters remember."""
    for lane in range(view.lanes):
        for chunk in view.customers(lane):
            found = [snapshot.glance(id, parts) for id, parts in chunk.items()]
            # Without consent there is no behaviour memory: such a customer is in no list of a segment.
            yield lane, [one for one in found if one[1] or not with_consent]


def _member(customer: Customer, since: int | None, ahead: tuple[str, int] | None) -> Member:
    return Member(
        customer.id,
        name_of(customer),
        text_trait(customer, "email"),
        since,
        customer.statistics.last_order,
        ahead,
    )


def _split(wanted: str) -> tuple[str | None, str]:
    segmentation, slash, id = wanted.rpartition("/")
    return (segmentation if slash else None), id


def _rules(definitions: Definitions, segmentation: str) -> bool:
    return any(one.name == segmentation for one in definitions.segmentations)
