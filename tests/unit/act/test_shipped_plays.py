"""Test the plays in ``examples/plays``: each is valid in both languages, and its mails have what their kind requires."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest
from act_world import NOON, change, customer

from models.customer.customer import Customer
from models.features.context import FeatureContext
from models.messages import TABLES
from models.rules.defaults import DEFAULTS, with_all_active
from schemas.changes import Reason, SegmentRef
from streamer.act.heart.coupons import Given, given
from streamer.act.heart.plan import triggers
from streamer.act.heart.state import Message
from streamer.act.plays.book import Book, Play
from streamer.act.plays.declared import segments_of
from streamer.act.reader import book_of
from streamer.act.render import Draft, Rendered, render
from streamer.queries.plays import switched_off, with_shipped

FILE = Path(__file__).parents[3] / "examples" / "plays" / "plays.toml"
PLAYS = ("first_order", "cart_left", "win_back", "vip_at_risk", "high_value")
LEAVE = "https://hello.lampleaf.example/u/TOKEN"


@pytest.fixture(scope="module")
def book() -> Book:
    return book_of(FILE, with_shipped(segments_of(DEFAULTS)))


def mail(book: Book, play: Play, language: str, person: Customer | None = None) -> Rendered:
    """Return a play's mail to a customer who entered its segment."""
    to = min(play.when.to or ())
    ref = SegmentRef(to, TABLES["en"].segments[play.when.segmentation, to].name)
    reasons = (Reason("lateness", 0.4, 2.0, 2.0, None),)
    moved = change(segmentation=play.when.segmentation, to_segment=ref, reasons=reasons)
    message = Message("m", play.name, 1, "ann", moved, NOON, NOON, NOON)
    ann = person or customer(language=language)
    coupon: Given | None = given("THANKS-0001", play.coupon, ann, "UTC", NOON)
    return render(Draft(message, book, ann, LEAVE, "en", coupon=coupon))


def test_five_plays_are_shipped_and_four_work_on_the_segmentations_of_every_shop(book: Book) -> None:
    assert tuple(book.plays) == PLAYS
    in_force = segments_of(DEFAULTS)
    assert {name for name, play in book.plays.items() if switched_off(play, in_force)} == {"cart_left"}
    assert not any(switched_off(play, segments_of(with_all_active())) for play in book.plays.values())


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", PLAYS)
def test_each_mail_says_who_sends_it_why_and_how_to_leave(book: Book, name: str, language: str) -> None:
    play = book.plays[name]
    made = mail(book, play, language)
    assert made.language == language
    assert 0 < len(made.parts["subject"]) <= 60
    for part in ("html", "text"):
        text = made.parts[part].replace("&amp;", "&")
        assert "Lamp & Leaf" in text and "1 Leaf Street, 10115 Berlin" in text
        assert (LEAVE in text) == (play.kind == "marketing")
        reason = TABLES[language].texts.get(f"why {play.when.segmentation} {min(play.when.to or ())}", "?")
        assert (reason in text) == (play.kind == "marketing"), text
        assert ("THANKS-0001" in text) == (play.coupon is not None)
        # No customer is called a segment, and no template leaks its own markup.
        assert play.kind == "service" or "At risk" not in text
        assert "{" not in made.parts["text"] and "None" not in text


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", PLAYS)
def test_each_html_part_is_well_formed_and_fits_a_phone(book: Book, name: str, language: str) -> None:
    html = mail(book, book.plays[name], language).parts["html"]
    tags = Tags()
    tags.feed(html)
    assert tags.open == [] and tags.mistakes == []
    assert "width=device-width" in html and "max-width: 560px" in html
    assert f'<html lang="{"zh-CN" if language == "zh" else "en"}">' in html


class Tags(HTMLParser):
    """Return whether tags that must be closed are closed."""

    VOID = frozenset({"meta", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.mistakes: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.mistakes.append(tag)


def test_the_owners_mail_gives_figures_and_the_customers_address(book: Book) -> None:
    text = mail(book, book.plays["vip_at_risk"], "en").parts["text"]
    assert "lateness: 2" in text and "ann@example.org" in text
    nameless = customer(language="en")
    assert nameless.profile is not None
    nameless.profile.traits.clear()
    assert "No address of theirs is known" in mail(book, book.plays["vip_at_risk"], "en", nameless).parts["text"]


def test_the_plays_answer_the_moves_that_they_are_about(book: Book) -> None:
    moves = {
        ("lifecycle", "prospect", "new", "event"): {"first_order"},
        ("cart", "none", "left", "time"): {"cart_left"},
        ("lifecycle", "loyal", "at_risk", "time"): {"win_back"},
        ("lifecycle", "champion", "at_risk", "time"): {"win_back", "vip_at_risk"},
        ("value", "medium", "high", "event"): {"high_value"},
        ("value", "top", "high", "time"): set(),
        ("lifecycle", "at_risk", "hibernating", "time"): set(),
        ("lifecycle", "new", "at_risk", "time"): set(),
    }
    for (segmentation, source, to, cause), wanted in moves.items():
        moved = change(
            segmentation=segmentation,
            from_segment=SegmentRef(source, source),
            to_segment=SegmentRef(to, to),
            cause=cause,
        )
        assert {name for name, play in book.plays.items() if triggers(moved, play)} == wanted, (source, to)


def test_conditions_of_the_plays_can_be_judged(book: Book) -> None:
    for play in book.plays.values():
        for question in (play.condition, play.unless):
            if question is not None:
                assert question.judge(customer(), NOON, FeatureContext())[0] is False
