"""Query plays: the status of each, the messages waiting for a person, and the inputs of a preview."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from schemas.errors import UserError
from streamer.client.connections import Connections, connections

if TYPE_CHECKING:
    from models.customer.customer import Customer
    from schemas.act import FirstCustomer, PlayCommand
    from schemas.changes import ReceivedChange
    from streamer.act.heart.due import Policy
    from streamer.act.heart.state import Marketing, Message, PlayState, State
    from streamer.act.heart.uplift import Interval
    from streamer.act.plays.book import Book, Play, Segments

_DAY_MS = 86_400_000
_SEE_REPORT = "see the report with `streamer report --html report.html`"


def standing(name: str, play: PlayState, state: State) -> dict[str, Any]:
    """Return a play's status and message counts, as JSON-safe values."""
    from schemas.wire_time import iso

    return {
        "status": play.status,
        "why": play.why,
        "approve": play.approve,
        "version": play.version,
        "since": iso(play.since),
        "planned": play.planned,
        "sent": play.sent,
        "withheld": play.withheld,
        "waiting": sum(one.play == name and one.status in ("waiting", "sending") for one in state.messages.values()),
        "failed": play.failed,
        "doubtful": play.doubtful,
        "dropped": play.dropped,
    }


def declared_in(book: Book, name: str) -> Play:
    """Return the play with this name. Raises UserError if the file does not declare it."""
    if name not in book.plays:
        raise UserError(
            f"{book.source} does not declare the play {name}", f"plays in the file: {', '.join(book.plays)}"
        )
    return book.plays[name]


def of_customers(play: Play) -> None:
    """Raise UserError for a play that does not send to customers."""
    if play.when.weekly is not None:
        raise UserError(f"{play.name} sends last week's report, not a message to a customer", _SEE_REPORT)


def segments_in_force(to: Connections) -> Segments:
    """Return the segments that plays may name."""
    from streamer.act.plays.declared import segments_of

    return segments_of(to.definitions)


def segments_or_defaults() -> Segments:
    """Return the segmentations in force if the servers run, else the defaults of a new shop."""
    from models.rules.defaults import DEFAULTS
    from streamer.act.plays.declared import segments_of

    try:
        with connections() as to:
            return segments_in_force(to)
    except UserError:
        return segments_of(DEFAULTS)


def with_shipped(in_force: Segments) -> Segments:
    """Return the segments in force plus those of shipped segmentations that are switched off; plays may name both."""
    from models.rules.defaults import with_all_active
    from streamer.act.plays.declared import segments_of

    return {**segments_of(with_all_active()), **in_force}


def switched_off(play: Play, in_force: Segments) -> str | None:
    """Return the first segmentation that a play uses but that is not in force, so that the play never acts; else None."""
    needed = set() if play.when.weekly is not None else {play.when.segmentation}
    for question in (play.condition, play.unless):
        if question is not None:
            needed |= question.segmentations
    return next((name for name in sorted(needed) if name not in in_force), None)


def already_in(to: Connections, play: Play, now: int) -> list[FirstCustomer]:
    """Return customers in a play's trigger segments who meet its condition, latest entry first."""
    from models.customer.snapshot import CORE, glance
    from schemas.act import FirstCustomer

    of_customers(play)
    found = []
    for lane in range(to.lanes):
        for chunk in to.view.customers(lane):
            for id, parts in chunk.items():
                customer = glance(id, parts)[0] if CORE in parts else None
                held = None if customer is None else customer.segments.get(play.when.segmentation)
                if customer is None or held is None or (play.when.to is not None and held.segment not in play.when.to):
                    continue
                if play.condition is None or play.condition.judge(customer, now, to.policy.shop)[0]:
                    name = to.definitions.names.get((play.when.segmentation, held.segment), held.segment)
                    found.append(FirstCustomer(customer_id=id, segment=held.segment, name=name, since=held.since))
    return sorted(found, key=lambda one: (-one.since, one.customer_id))


def again(name: str, state: State, segments: Segments) -> PlayCommand:
    """Return the command that restarts a play, from the newest file known to `act` that declares it.

    Parameters
    ----------
    segments
        The segments that plays may name.

    Raises
    ------
    UserError
        The play was never started.
    """
    from schemas.act import PlayCommand

    play = state.started(name)
    newest = state.books[state.ledger.book]
    book = newest if name in newest.plays else state.books[play.version]
    return PlayCommand(
        action="start",
        play=name,
        text=book.text,
        templates=dict(book.templates),
        segments={one: None if ids is None else tuple(sorted(ids)) for one, ids in segments.items()},
        source=book.source,
        approve=play.approve,
    )


def policy_of(to: Connections) -> Policy:
    """Return the gates' policy from the settings in force."""
    from streamer.act import secrets
    from streamer.act.heart.address import Addresses
    from streamer.act.heart.due import Policy

    settings = to.settings
    key = secrets.load(settings).link_key
    return Policy(to.policy.shop, settings.timezone, settings.consent_default == "granted", Addresses(key))


def changes_since(to: Connections, since: int) -> Iterator[ReceivedChange]:
    """Yield published changes effective at ``since`` (ms) or later, lane by lane."""
    from schemas import topics
    from schemas.changes import decode_change
    from streamer.adapters.client import read

    for record in read(to.kafka, topics.CHANGES):
        if record.value is not None and record.timestamp >= since:
            change = decode_change(record.value)
            if change.changed_ms >= since:
                yield change


def profiles(to: Connections, ids: set[str]) -> Iterator[Customer]:
    """Yield the customers with these ids, from the view."""
    from models.customer.snapshot import CORE, glance

    for lane in range(to.lanes):
        for chunk in to.view.customers(lane):
            yield from (glance(id, parts)[0] for id, parts in chunk.items() if id in ids and CORE in parts)


def kept(state: State, status: str, play: str | None, message: str | None) -> Iterator[Message]:
    """Yield messages with a status; ``waiting`` includes calls in progress."""
    for one in state.messages.values():
        shown = "waiting" if one.status == "sending" else one.status
        if shown == status and play in (None, one.play) and message in (None, one.id):
            yield one


def shown(one: Message) -> dict[str, Any]:
    """Return a message as JSON-safe values, without its text. A report has no customer, because it is sent to the owner."""
    from schemas.wire_time import iso
    from streamer.act.heart.state import OWNER

    return {
        "message_id": one.id,
        "play": one.play,
        "customer_id": None if one.customer == OWNER else one.customer,
        "due_at": iso(one.due),
        "expires_at": iso(one.expires),
        "attempts": one.attempt,
        "why": one.why,
    }


def power(play: Play, drawn: int, days: float) -> dict[str, Any]:
    """Return the time needed to detect an effect of 5 points, as JSON-safe values; None if it cannot be estimated.

    Parameters
    ----------
    drawn, days
        Number of customers messaged or held out, and over how many days; at least one day is assumed.
    """
    from streamer.act.heart.uplift import customers_needed

    needed = round(customers_needed(play.holdout)) if play.holdout else None
    monthly = drawn * 30 / max(days, 1)
    months = None if needed is None or not monthly else round(needed / monthly, 1)
    return {"customers_needed": needed, "a_month": round(monthly, 1), "months_needed": months}


def previewed(to: Connections, book: Book, names: Sequence[str], days: int, until: int) -> tuple[int, dict[str, Any]]:
    """Preview plays over the changes of the ``days`` before ``until`` (ms). Return the number of changes and each funnel."""
    from dataclasses import asdict

    from streamer.act.preview import Preview
    from streamer.act.reader import state_of

    changes = sorted(
        changes_since(to, until - days * _DAY_MS), key=lambda one: (one.changed_ms, one.customer_id, one.seq)
    )
    held, ids = state_of(to.kafka), {change.customer_id for change in changes}
    run = Preview(
        book,
        names,
        {one.id: one for one in profiles(to, ids)},
        policy_of(to),
        of=sum(ledger.customers for ledger in to.view.ledgers()),
        suppressed=held.suppressed,
        coupons=held.coupons,
        people=held.people.unwritten(ids),
        language=to.settings.language,
    )
    funnels = run.run(changes, until)
    return len(changes), {
        name: {**asdict(funnel), **power(book.plays[name], funnel.sent + funnel.withheld, days)}
        for name, funnel in funnels.items()
    }


def play_previews(to: Connections) -> Callable[[Book, str, int, int], tuple[int, dict[str, Any]]]:
    """Return a preview function for a long-running process: each call opens and closes its own connections."""

    def preview(book: Book, name: str, days: int, until: int) -> tuple[int, dict[str, Any]]:
        with closing(Connections(to.settings, to.embedded)) as own:
            changes, found = previewed(own, book, [name], days, until)
        return changes, found[name]

    return preview


def report(name: str, play: PlayState, state: State, now: int) -> dict[str, Any]:
    """Return whether a play works, as JSON-safe values: both arms, and what their difference supports."""
    from schemas.wire_time import iso

    declared = state.books[play.version].plays[name]
    final = declared.report_on is not None and now >= declared.report_on
    return {
        **_compared(play, final),
        "report_on": None if declared.report_on is None else iso(declared.report_on),
        "coupons": None if declared.coupon is None else _coupons(name, play, state),
        **power(declared, play.drawn.n, (now - play.since) / _DAY_MS),
        **{what: play.responses.get(what, 0) for what in ("unsubscribed", "complained")},
    }


def report_of_all(state: State) -> dict[str, Any]:
    """Return the effect of all marketing together, measured by the ``holdout`` in ``[limits]``."""
    from streamer.act.heart.measure import ALL_WITHIN

    book = state.books.get(state.ledger.book)
    return {
        **_compared(state.ledger.marketing, False),
        "holdout": 0.0 if book is None else book.limits.holdout,
        "within_days": ALL_WITHIN // 86_400_000,
    }


def _compared(arms: PlayState | Marketing, final: bool) -> dict[str, Any]:
    """Return both arms and their difference, unless their sizes show that they are not comparable."""
    from dataclasses import asdict

    from streamer.act.heart import uplift

    sent, held = (uplift.Arm(one.n, one.bought, one.money, one.squares) for one in (arms.sent_arm, arms.held_arm))
    off = uplift.ratio_is_off(arms.drawn.n, arms.drawn.held, arms.drawn.expected)
    found = None if off else uplift.uplift(sent, held, final=final)
    money = None if off else uplift.money(sent, held)
    return {
        "sent": asdict(sent),
        "held_out": asdict(held),
        "arms_are_off": off,
        "final": final,
        "uplift": None if found is None else asdict(found),
        "says": _verdict(found),
        "money": None if money is None else asdict(money),
    }


def _coupons(name: str, play: PlayState, state: State) -> dict[str, int]:
    """Return how many codes the play's messages have taken since its start, and how many of them orders used."""
    taken = [one for one in state.coupons.of_play(name) if one.given >= play.since]
    return {"given": len(taken), "used": sum(one.used > 0 for one in taken)}


def _verdict(found: Interval | None) -> str:
    """Return the verdict of an interval: whether it is above, below or across 0."""
    if found is None:
        return "nothing yet"
    if found.low > 0:
        return "helps"
    return "harms" if found.high < 0 else "unclear"
