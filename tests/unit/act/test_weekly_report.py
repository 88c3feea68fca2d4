"""Test last week's report to the owner: once a week at its hour, over restarts, kills, clock changes and file edits."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from act_memory import Memory, Shop, Step
from act_world import HEAD, HOUR, POLICY, SEGMENTS

from schemas.errors import UserError
from streamer.act.channels.smtp import letter as mail_of
from streamer.act.heart.due import Policy
from streamer.act.heart.state import OWNER, Message, PlayState
from streamer.act.plays.book import Book
from streamer.act.plays.declared import load
from streamer.act.render import check
from streamer.act.reports import letter, made_by_command
from streamer.queries.plays import switched_off

ME = """
[channels.me]
kind = "smtp"
host = "localhost"
from = "hello@lampleaf.example"
to = "owner@lampleaf.example"
"""
PLAY = '[plays.monday]\nwhen = { weekly = "monday 08:00" }\nchannel = "me"\n'
BERLIN = ZoneInfo("Europe/Berlin")
MINUTE = 60_000
THURSDAY = int(datetime(2026, 10, 15, 9, tzinfo=UTC).timestamp()) * 1000
FIGURES: dict[str, Any] = {
    "from": "2026-10-12",
    "to": "2026-10-18",
    "currency": "EUR",
    "customers": 1_200,
    "this_week": {"orders": 31, "revenue_minor": 123_450},
    "last_week": {"orders": 25, "revenue_minor": 100_000},
    "period": {
        "lifecycle": {"segments": [{"name": "At risk", "customers": 40, "before": 35}]},
        "empty": {"segments": []},
    },
}


def declared(play: str = PLAY, version: int = 1) -> Book:
    return load(HEAD + ME + play, version, SEGMENTS)


class Week:
    """Owners over one memory in Berlin, and the reports they requested."""

    def __init__(self, kills: float = 0.0, book: Book | None = None) -> None:
        policy = Policy(POLICY.units, "Europe/Berlin", True, POLICY.addresses)
        self.memory = Memory(THURSDAY, {}, kills)
        self.shop = Shop(self.memory, book or declared(), policy)
        self.shop.make_report = self.make
        self.asked: list[tuple[date, date]] = []
        self.broken = False

    async def make(self, first: date, last: date) -> tuple[dict[str, Any], bytes]:
        self.asked.append((first, last))
        await asyncio.sleep(0)
        if self.broken:
            raise OSError("Kafka is away")
        return {**FIGURES, "from": first.isoformat(), "to": last.isoformat()}, b"<html>"

    async def begin(self) -> None:
        await self.shop.start()
        for play in self.shop.state.ledger.plays.values():
            play.since = self.memory.now

    async def live(self, hours: float, step: int = 7 * MINUTE) -> None:
        until = self.memory.now + int(hours * HOUR)
        while self.memory.now < until:
            self.memory.now += step
            # As many turns as needed to send what was due.
            for _ in range(3):
                await self.shop.once()
                await asyncio.sleep(0)
                await asyncio.sleep(0)

    def at(self, type: str) -> list[datetime]:
        """Return the local times of steps."""
        found: list[Step] = [one for one in self.memory.steps if one.type == type]
        return [datetime.fromtimestamp(one.at / 1000, BERLIN) for one in found]

    @property
    def play(self) -> PlayState:
        return self.shop.state.ledger.plays["monday"]


@pytest.mark.parametrize("kills", [0.0, 0.4])
def test_every_monday_gets_one_report_over_kills_and_a_change_of_clocks(kills: float) -> None:
    week = Week(kills)

    async def months() -> None:
        await week.begin()
        await week.live(7 * 24 * 9)

    asyncio.run(months())
    days = [at.date().isoformat() for at in week.at("message.sent")]
    mondays = "2026-10-19 2026-10-26 2026-11-02 2026-11-09 2026-11-16 2026-11-23 2026-11-30 2026-12-07 2026-12-14"
    assert days == mondays.split()
    assert all(at.hour == 8 or kills for at in week.at("message.sent"))
    ids = week.shop.sender.sent
    assert len(set(ids)) == len(ids) == 9 and bool(week.memory.killed) == bool(kills)
    assert {page.attachment.name for page in week.shop.sender.rendered if page.attachment} >= {"report-2026-10-18.html"}
    assert set(week.asked) >= {(date(2026, 10, 12), date(2026, 10, 18)), (date(2026, 10, 19), date(2026, 10, 25))}
    assert week.shop.state.unaccounted() == 0 and week.play.sent == 9
    assert {one.customer for one in week.memory.steps} == {OWNER}


def test_a_clock_that_stands_still_holds_no_report_back() -> None:
    """With ``STREAMER_CLOCK=event``, time advances with the events, and a quiet shop has none."""
    week = Week(book=declared(PLAY + PLAY.replace("plays.monday", "plays.again")))
    week.broken = True

    async def quiet() -> None:
        await week.begin()
        assert week.shop._owner is not None
        week.shop._owner._reports._again = 0.001
        week.memory.now = int(datetime(2026, 10, 19, 8, tzinfo=BERLIN).timestamp()) * 1000
        for turn in range(12):
            week.broken = turn < 3
            await week.shop.once()
            await asyncio.sleep(0.01)

    asyncio.run(quiet())
    assert len(week.at("message.sent")) == 2 and len(week.asked) > 2


def test_the_command_says_why_it_cannot_make_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STREAMER_KAFKA", "STREAMER_REDIS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STREAMER_HOME", str(tmp_path))
    with pytest.raises(OSError, match="embedded ones are not running"):
        asyncio.run(made_by_command(date(2026, 11, 16), date(2026, 11, 22)))


def test_a_start_in_the_middle_of_a_week_sends_nothing_for_a_monday_before_it() -> None:
    week = Week()

    async def days() -> None:
        await week.begin()
        await week.live(24 * 3)

    asyncio.run(days())
    assert week.memory.steps == []


@pytest.mark.parametrize(("hours", "ends"), [(30, "message.sent"), (5 * 24, "message.dropped")])
def test_an_owner_that_was_away_sends_the_last_one_unless_it_is_too_late(hours: int, ends: str) -> None:
    week = Week()

    async def away() -> None:
        await week.begin()
        await week.shop.stop()
        # Two Mondays pass, and more.
        week.memory.now = int(datetime(2026, 10, 26, 8, tzinfo=BERLIN).timestamp()) * 1000 + hours * HOUR
        await week.live(1)

    asyncio.run(away())
    assert [one.type for one in week.memory.steps if one.type in ("message.sent", "message.dropped")] == [ends]
    assert week.play.planned == 1 and week.play.dropped == ({} if ends == "message.sent" else {"expires": 1})


def test_a_report_that_cannot_be_made_is_made_later() -> None:
    week = Week()

    async def broken() -> None:
        await week.begin()
        week.broken = True
        await week.live(24 * 4)
        assert week.asked and week.at("message.sent") == []
        week.broken = False
        assert week.shop._owner is not None
        # No minute passes on this machine's clock until the next attempt.
        await week.shop._owner._reports.close()
        await week.live(1)

    asyncio.run(broken())
    assert [at.date() for at in week.at("message.sent")] == [date(2026, 10, 19)]
    assert len(week.asked) == 2, "it is not asked for again and again"


def test_another_hour_in_the_file_gives_no_second_report_that_week() -> None:
    week = Week()

    async def edited() -> None:
        await week.begin()
        await week.live(24 * 4)
        state = week.shop.state
        state.books[2] = declared(PLAY.replace("monday 08:00", "wednesday 09:30"), 2)
        week.play.version = state.ledger.book = 2
        await week.live(24 * 9)

    asyncio.run(edited())
    assert [f"{at:%a %d %H}" for at in week.at("message.sent")] == ["Mon 19 08", "Wed 28 09"]


def test_a_paused_play_keeps_its_report_until_it_runs_and_a_stopped_one_makes_none() -> None:
    week = Week()

    async def paused() -> None:
        await week.begin()
        week.play.status = "paused"
        await week.live(24 * 5)
        assert week.at("message.sent") == [] and len(week.shop.state.messages) == 1
        week.play.status = "running"
        await week.live(2)
        assert len(week.at("message.sent")) == 1
        week.play.status = "stopped"
        await week.live(24 * 8)

    asyncio.run(paused())
    assert week.play.planned == week.play.sent == 1


# -- the message ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("language", "words"), [("en", "orders: 31 (25)"), ("zh", "订单")])
def test_the_mail_says_the_figures_and_brings_the_page(language: Any, words: str) -> None:
    rendered = letter(FIGURES, "<p>Zoë</p>".encode(), language)
    assert words in rendered.parts["text"] and "At risk: 40 (+5)" in rendered.parts["text"]
    assert "1,234.50 EUR (1,000.00 EUR)" in rendered.parts["text"] and "empty" not in rendered.parts["text"]
    message = Message("m", "monday", 1, OWNER, None, 0, 0, 0, claimed=THURSDAY)  # type: ignore[arg-type]
    mail = mail_of(declared().channels["me"], message, rendered, "owner@lampleaf.example")
    [page] = mail.iter_attachments()
    assert page.get_filename() == "report-2026-10-18.html" and page.get_content_type() == "text/html"
    assert page.get_content().strip() == "<p>Zoë</p>" and "List-Unsubscribe" not in mail
    body = mail.get_body(("plain",))
    assert body is not None and "At risk" in body.get_content()


# -- the file -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"monday 08:00"', '"moonday 08:00"', "weekly cannot be 'moonday 08:00' | it must be a day and a time"),
        ('"monday 08:00"', '"monday 25:00"', "weekly cannot be"),
        ('"me"', '"mail"', "monday sends a report, but mail goes to customers"),
        ('"me"', '"hook"', "monday sends a report, but hook goes to customers"),
        (" }", ', to = ["at_risk"] }', "when of a weekly play has no 'to'"),
        ('channel = "me"\n', 'channel = "me"\nagain = "3 days"\n', "a weekly play has no 'again'"),
    ],
)
def test_a_mistake_is_named(old: str, new: str, message: str) -> None:
    with pytest.raises(UserError) as raised:
        declared(PLAY.replace(old, new, 1))
    assert message in f"{raised.value.message} | {raised.value.hint}"


@pytest.mark.parametrize("page", ["docs/plays.md", "docs/zh/plays.md"])
def test_the_play_of_the_page_is_this_one(page: str) -> None:
    assert f"```toml\n{PLAY}```" in (Path(__file__).parents[3] / page).read_text(encoding="utf-8")


def test_it_needs_no_templates_and_no_segmentation() -> None:
    book = declared()
    check(book, book.plays["monday"])
    assert switched_off(book.plays["monday"], {}) is None
