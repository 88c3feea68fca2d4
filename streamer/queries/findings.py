"""Run the checks of ``doctor`` other than connections and topics: clocks, Redis memory, processes, rejected records."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from models.messages import Messages
from models.messages.translatable import Translatable, in_language, text_of, translatable
from schemas.deadletters import REASONS
from schemas.errors import UserError
from schemas.money import exponent
from schemas.screen_text import line
from schemas.wire_time import iso

if TYPE_CHECKING:
    from schemas.alerts import Alert
    from streamer.client.connections import Connections

SKEW_SECONDS: Final = 2.0
"""Lanes stay 10 s behind the wall clock; a tenth of that plus the network delay is harmless."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    Attributes
    ----------
    text, hint
        Catalogue messages, in English; ``hint`` is None if all is well.
    wrong
        Whether the finding affects the exit code; False for information.
    """

    subject: str
    text: str
    hint: str | None = None
    wrong: bool = True


def in_words(finding: Finding, texts: Messages) -> tuple[str, str, str]:
    """Return subject, text and hint of a finding in a language; the hint is empty if all is well."""
    known = f"subject {finding.subject}"
    subject = texts(known) if known in texts.table.texts else finding.subject
    return subject, str(in_language(finding.text, texts)), str(in_language(finding.hint or "", texts))


def clocks(to: Connections) -> Finding:
    """Compare the broker's clock with ours, because decisions compare the two while no records arrive."""
    from streamer.adapters.broker_clock import skew_seconds

    skew = asyncio.run(skew_seconds(to.kafka))
    if abs(skew) <= SKEW_SECONDS:
        return Finding("clock", translatable("finding clock", seconds=max(abs(skew), 0.001)))
    which = "behind" if skew > 0 else "ahead"
    return Finding(
        "clock", translatable(f"finding clock {which}", seconds=abs(skew)), translatable("finding clock fix")
    )


def view(info: dict[str, Any]) -> Iterator[Finding]:
    """Yield findings from Redis' INFO."""
    from streamer.adapters.redis_health import judge

    for trouble in judge(info):
        yield Finding("Redis", trouble.text, trouble.hint, wrong=trouble.vital)


def work(to: Connections, state: dict[str, Any]) -> Finding:
    """Report processed and pending records, and whether any process works on them."""
    from streamer.adapters.group import member_count

    text = translatable(
        "finding records", taken=state["consumed"], waiting=state["lag"], unaccounted=state["unaccounted"]
    )
    if state["unaccounted"]:
        return Finding("records", text, translatable("finding unaccounted fix"))
    workers = member_count(to.bootstrap, to.kafka.group, security=to.security)
    text = translatable("finding workers", text=text, workers=workers)
    if state["lag"] and not workers:
        if (error := state["last_error"]) is not None:
            text = translatable("finding last error", text=text, at=error["at"], why=error["why"])
        return Finding("records", text, translatable("finding no worker fix"))
    return Finding("records", text)


def beside(state: dict[str, Any]) -> Iterator[Finding]:
    """Report whether `act` runs for plays, and where console and API are. A service may run without both."""
    running = state["act"]
    yield Finding("act", translatable("finding act", running=running) if running else translatable("finding no act"))
    place = state["web"]
    yield Finding("web", translatable("finding web", place=place) if place else translatable("finding no web"))


def stopped(state: dict[str, Any]) -> Iterator[Finding]:
    """Report stopped lanes, and what hides records from running ones."""
    for lane, text in state["stopped"].items():
        yield Finding(
            "lanes", translatable("finding stopped", lane=lane, text=text), translatable("finding stopped fix")
        )
    for lane, behind in state["hidden"].items():
        yield Finding("lanes", *hiding(lane, **behind), wrong=False)


def hiding(lane: str, records: int, producer: str) -> tuple[Translatable, Translatable]:
    """Return a message about records hidden by a producer's open transaction, and its remedy."""
    who = producer or translatable("finding a producer")
    return (
        translatable("finding hidden", records=records, lane=lane, producer=who),
        translatable("finding hidden fix"),
    )


def signatures(signed: bool, signed_from: int | None, now: int) -> Finding:
    """Report whether control records are signed; ``signed_from`` is when the last lane stops accepting unsigned ones (ms)."""
    if signed:
        if signed_from is not None and now < signed_from:
            return Finding("control key", translatable("finding signed from", until=iso(signed_from)))
        return Finding("control key", translatable("finding signed"))
    fix = translatable("finding no key fix")
    if signed_from is not None and now >= signed_from:
        return Finding("control key", translatable("finding no key late"), fix)
    until = translatable("finding first day") if signed_from is None else iso(signed_from)
    return Finding("control key", translatable("finding no key", until=until), fix, wrong=False)


def refused(state: dict[str, Any]) -> Iterator[Finding]:
    """Report dead letters by reason, most frequent first."""
    counts: dict[str, int] = state["dead_letters"]
    for reason, count in sorted(counts.items(), key=lambda one: -one[1]):
        share = count / max(state["consumed"], 1)
        text = translatable("finding refused", count=count, reason=reason, share=share)
        yield Finding("dead letters", text, refused_fix(reason), wrong=False)


def refused_fix(reason: str) -> Translatable:
    """Return what to do about dead letters with a reason. A reason from another release is only listed."""
    return translatable(f"refused {reason}" if reason in REASONS else "finding refused fix")


def events(state: dict[str, Any]) -> Iterator[Finding]:
    """Report event fields that lenient reading dropped or defaulted, and custom events by name, most frequent first."""
    if ignored := state["fields_ignored"]:
        yield Finding(
            "events",
            translatable("finding ignored", fields=_most(ignored)),
            translatable("finding ignored fix"),
            wrong=False,
        )
    if tracked := state["tracked"]:
        yield Finding("events", translatable("finding tracked", names=_most(tracked)))


def of_guests(state: dict[str, Any]) -> Iterator[Finding]:
    """Report orders without a customer."""
    if state["guest_orders"] or state["guest_refunds"]:
        yield Finding("guests", translatable("finding guests", **guest_figures(state)))


def guest_figures(state: dict[str, Any]) -> dict[str, Any]:
    """Return the number of guest orders and refunds, and their money by currency, in words."""
    sums = (
        f"{minor / 10 ** exponent(code):,.{exponent(code)}f} {code}" for code, minor in state["guest_money"].items()
    )
    return {"orders": state["guest_orders"], "refunds": state["guest_refunds"], "money": ", ".join(sums)}


def _most(counts: dict[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return ", ".join(f"{line(name)} {count:,}" for name, count in ordered)


def alerts(to: Connections) -> Iterator[Finding]:
    """Report the open alerts raised by workers."""
    from aiokafka.errors import KafkaError

    from streamer.adapters.alert_log import open_alerts
    from streamer.adapters.kafka import Offsets

    async def fetch() -> list[Alert]:
        offsets = Offsets(to.kafka)
        await offsets.start()
        try:
            return await open_alerts(to.kafka, offsets)
        finally:
            await offsets.stop()

    try:
        for alert in asyncio.run(fetch()):
            yield Finding(
                "alert", translatable("finding alert", summary=alert.summary, since=iso(alert.since)), alert.hint
            )
    except KafkaError as error:
        yield Finding("alert", translatable("finding no alerts", error=repr(error)), translatable("finding again"))


def trouble(subject: str, error: Exception) -> Finding:
    """Return an error as a finding."""
    if isinstance(error, UserError):
        return Finding(subject, error.message, error.hint)
    return Finding(subject, text_of(error), translatable("finding again"))
