"""What ``doctor`` looks at beside connections and topics: clocks, memory of Redis, who works, what was refused."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from schemas.errors import UserError
from schemas.screen_text import line
from schemas.wire_time import iso

if TYPE_CHECKING:
    from schemas.alerts import Alert
    from streamer.client.connections import Connections

SKEW_SECONDS: Final = 2.0
"""Lanes keep 10 s behind the wall clock; a tenth of that and the network's delay are no reason to worry."""

_REFUSED: Final = {
    "oversize": "leave out what segments do not need, or raise STREAMER_MAX_EVENT_BYTES",
    "not_json": "the producer must write one JSON object in UTF-8 a record",
    "unknown_type": "`streamer deadletters list --reason unknown_type` says what was meant; your own events need `properties`",
    "invalid_field": "`streamer deadletters list --reason invalid_field` names the fields",
    "key_mismatch": "the record's key must be the customer_id of its event",
    "unknown_currency": "say what one unit of it is worth in yours (STREAMER_RATES=USD=0.92), then `streamer deadletters replay`",
    "too_late": "bring the past with `streamer import`, or raise STREAMER_RETENTION_DAYS; the 64 latest orders can be corrected",
    "too_early": "the clock or the time zone of the producer is wrong",
    "bad_date": "the producer sends a date that means there is none, such as 1970-01-01",
    "nobody": "send the real id of a guest, or none; STREAMER_NOBODY lists the placeholders",
    "bad_control": "give each process the same control key (docs/control-key.md); if all have it, somebody else writes them",
    "poison": "please report it, with `streamer deadletters show`",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at.

    Attributes
    ----------
    hint
        None where all is well.
    wrong
        False for what only should be known; then the exit code is not touched.
    """

    subject: str
    text: str
    hint: str | None = None
    wrong: bool = True


def clocks(to: Connections) -> Finding:
    """The broker's clock beside ours: decisions compare the two where nothing arrives."""
    from streamer.adapters.broker_clock import skew_seconds

    skew = asyncio.run(skew_seconds(to.kafka))
    if abs(skew) <= SKEW_SECONDS:
        return Finding("clock", f"as the broker's, within {max(abs(skew), 0.001):.3f} s")
    direction = "behind" if skew > 0 else "ahead of"
    return Finding(
        "clock",
        f"this machine is {abs(skew):,.1f} s {direction} the broker: customers would move by time too "
        + ("late" if skew > 0 else "early"),
        "let both set their clocks by NTP (timedatectl, chronyc)",
    )


def view(info: dict[str, Any]) -> Iterator[Finding]:
    """What INFO of Redis says."""
    from streamer.adapters.redis_health import judge

    for trouble in judge(info):
        yield Finding("Redis", trouble.text, trouble.hint, wrong=trouble.vital)


def work(to: Connections, state: dict[str, Any]) -> Finding:
    """What was taken, what waits, and whether anybody works on it."""
    from streamer.adapters.group import member_count

    text = f"{state['consumed']:,} taken, {state['lag']:,} waiting, unaccounted {state['unaccounted']}"
    if state["unaccounted"]:
        return Finding("records", text, "this is a mistake in streamer; please report it with this output")
    workers = member_count(to.bootstrap, to.kafka.group, security=to.security)
    text += f", {workers} workers"
    if state["lag"] and not workers:
        if (error := state["last_error"]) is not None:
            text += f"; the last one on this machine ended at {error['at']}: {error['why']}"
        return Finding("records", text, "start one: `streamer worker`")
    return Finding("records", text)


def beside(state: dict[str, Any]) -> Iterator[Finding]:
    """Who sends messages of plays, and where console and API are. A service may do without both."""
    yield Finding("act", f"{state['act']} running" if state["act"] else "not running, so no play sends messages")
    yield Finding("web", f"at {state['web']}" if state["web"] else "not running in this folder")


def stopped(state: dict[str, Any]) -> Iterator[Finding]:
    """Lanes that have stopped, and what hides records from those that run."""
    for lane, text in state["stopped"].items():
        yield Finding(
            "lanes", f"lane {lane} has stopped {text}", "see `streamer lanes` and docs/runbooks/LaneStopped.md"
        )
    for lane, behind in state["hidden"].items():
        yield Finding("lanes", *hiding(lane, **behind), wrong=False)


def hiding(lane: str, records: int, producer: str) -> tuple[str, str]:
    """What an open transaction of a producer hides, and what to do."""
    who = f"{producer} left open" if producer else "a producer left open"
    return (
        f"{records:,} records of lane {lane} stand behind a transaction that {who}",
        "let the producer commit or abort; else the broker aborts it after the producer's transaction.timeout.ms, "
        "at most 15 minutes",
    )


def signatures(signed: bool, signed_from: int | None, now: int) -> Finding:
    """Whether control records are signed; ``signed_from`` is when the last lane takes no others any more (ms)."""
    if signed:
        text = "control records are signed"
        if signed_from is not None and now < signed_from:
            text += f"; unsigned ones are taken until {iso(signed_from)}"
        return Finding("control key", text)
    late = signed_from is not None and now >= signed_from
    until = "a day after the first start" if signed_from is None else iso(signed_from)
    refused_ = "are refused" if late else f"are taken until {until} only"
    return Finding(
        "control key",
        f"there is none: control records (merges, imports, new clusters and segmentations) {refused_}",
        "`streamer keys create`, and the same key for each process of the service; see docs/control-key.md",
        wrong=late,
    )


def refused(state: dict[str, Any]) -> Iterator[Finding]:
    """Dead letters by reason, most first."""
    counts: dict[str, int] = state["dead_letters"]
    for reason, count in sorted(counts.items(), key=lambda one: -one[1]):
        share = count / max(state["consumed"], 1)
        text = f"{count:,} refused as {reason} ({share:.1%} of all records)"
        yield Finding("dead letters", text, _REFUSED.get(reason, "see `streamer deadletters list`"), wrong=False)


def events(state: dict[str, Any]) -> Iterator[Finding]:
    """What kind reading left out of events or took for granted, and the shop's own events by name; most first."""
    if ignored := state["fields_ignored"]:
        yield Finding(
            "events",
            f"fields left out or taken for granted: {_most(ignored)}",
            "fix the producer, or refuse such events with STREAMER_STRICT=true; docs/events.md says what is read how",
            wrong=False,
        )
    if tracked := state["tracked"]:
        yield Finding("events", f"your own, by name: {_most(tracked)}")


def _most(counts: dict[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return ", ".join(f"{line(name)} {count:,}" for name, count in ordered)


def alerts(to: Connections) -> Iterator[Finding]:
    """Alerts that workers raised and that stand."""
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
            yield Finding("alert", f"{alert.summary} (since {iso(alert.since)})", alert.hint)
    except KafkaError as error:
        yield Finding("alert", f"the topic of alerts cannot be read: {error!r}", "try again")


def trouble(subject: str, error: Exception) -> Finding:
    """An error as a finding."""
    if isinstance(error, UserError):
        return Finding(subject, error.message, error.hint)
    return Finding(subject, str(error), "try again")
