"""Test files of plays: what is rejected, with line and hint, and the templates they need."""

from __future__ import annotations

import pytest
from act_world import HEAD, NOON, SEGMENTS, book, change, customer, play

from schemas.errors import UserError
from streamer.act.heart.state import Message
from streamer.act.plays.book import Book
from streamer.act.plays.channel_kinds import KINDS
from streamer.act.plays.declared import load
from streamer.act.render import Draft, RenderError, check, render


def refused(text: str) -> str:
    with pytest.raises(UserError) as raised:
        load(text, 1, SEGMENTS)
    return f"{raised.value.message} | {raised.value.hint}"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("holdout = 0\n", "holdout = 1.5\n", "line 18: holdout cannot be 1.5"),
        ("holdout = 0\n", "holdouts = 0\n", "a play has no 'holdouts' | did you mean holdout?"),
        ('"30 days"', '"30 dayz"', "again cannot be '30 dayz' | it must be a duration (for example 24 hours"),
        ('again = "30 days"\n', "", "play win_back has no again"),
        ('"at_risk"', '"at_rsk"', "to names 'at_rsk' | did you mean at_risk?"),
        ('"lifecycle"', '"lifecicle"', "there is no segmentation 'lifecicle' | did you mean lifecycle?"),
        (', to = ["at_risk"]', "", "when needs to or from"),
        ('channel = "mail"', 'channel = "male"', "channel cannot be 'male' | did you mean mail?"),
        ("holdout = 0\n", 'if = "orders >= many"\n', "if, character 11: orders is a number"),
        ("holdout = 0\n", 'if = "p_buy_30d < 0.2"\n', "p_buy_30d"),
        ("holdout = 0\n", 'kind = "marketing"\nquiet = "none"\n', "quiet hours apply only to marketing"),
        ("holdout = 0\n", 'when_in_doubt = "resend"\n', "marketing messages are never sent twice"),
        ("holdout = 0\n", 'budget = "20 a week"\n', "a budget must be a number per day"),
        ('address = "1 Leaf Street"\n', "", "the sender's name and postal address are missing"),
        ('web = "https://hello.lampleaf.example"\n', "", "recipients could not unsubscribe"),
        ('web = "https://', 'web = "hello', "web is not an address"),
        ('host = "localhost"\n', "", "channel mail has no host | set it to the mail server"),
        ('kind = "smtp"\n', 'kind = "pigeon"\n', "channel mail has kind 'pigeon' | kinds: " + ", ".join(KINDS)),
        ('from = "hello@lampleaf.example"', 'from = "hello"', "from is not a sender"),
        ('url = "http://127.0.0.1:1/"', 'url = "shop"', "url is not a valid URL"),
        ("[channels.mail]\n", '[channels.mail]\nrate = "2 per second"\n', "rate cannot be '2 per second'"),
        ("[channels.mail]\n", '[limits]\nper_customer = ["1 an hour"]\n[channels.mail]\n', "a rate over days or weeks"),
        ("[plays.win_back]", "[playz.win_back]", "the file has no 'playz' | did you mean plays?"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_how_to_fix_it(old: str, new: str, message: str) -> None:
    text = HEAD + play()
    assert old in text
    shown = refused(text.replace(old, new, 1))
    assert "plays.toml, line " in shown and message in shown, shown


def test_what_is_no_toml_or_too_long_is_refused() -> None:
    assert "is not TOML" in refused("[plays")
    assert "the file declares no plays" in refused(HEAD)
    assert "more than" in refused("#" * 200_001)


TEMPLATES = {
    "win_back.en.subject": "{{ customer.first_name }}, we miss\nyou",
    "win_back.en.text": "{{ why }} {{ shop.name }} {{ shop.address }} {{ unsubscribe_url }}",
    "win_back.en.html": "<p>{{ customer.city }} {{ why }}</p>{{ shop.name }} {{ shop.address }} {{ unsubscribe_url }}",
}


def with_templates(templates: dict[str, str]) -> Book:
    return load(HEAD + play(), 1, SEGMENTS, templates)


def message() -> Message:
    return Message("m", "win_back", 1, "ann", change(), NOON, NOON, NOON)


def test_a_template_is_filled_escaped_and_never_half() -> None:
    found = with_templates({**TEMPLATES, "win_back.en.subject": "{{ customer.city }}, we miss\nyou"})
    ann = customer(city="<b>Bonn</b>")
    made = render(Draft(message(), found, ann, "https://x/u/1", "en"))
    assert made.parts["subject"] == "<b>Bonn</b>, we miss you"
    assert "&lt;b&gt;Bonn" in made.parts["html"] and "Lamp &amp; Leaf" in made.parts["html"]
    assert "You get this because you have not ordered from us for a while." in made.parts["text"]
    bare = with_templates(TEMPLATES)
    with pytest.raises(RenderError, match=r"win_back\.en\.subject"):
        render(Draft(message(), bare, ann, "", "en"))


def test_a_template_cannot_reach_python() -> None:
    for text in (
        "{{ ''.__class__.__mro__ }}",
        "{{ shop.__init__.__globals__ }}",
        "{% for x in range(10**9) %}{% endfor %}",
    ):
        found = with_templates({**TEMPLATES, "win_back.en.subject": text})
        with pytest.raises(RenderError):
            render(Draft(message(), found, customer(city="x"), "", "en"))


def test_the_customers_language_is_used_where_there_is_a_template_in_it() -> None:
    chinese = {name.replace(".en.", ".zh."): text for name, text in TEMPLATES.items()}
    chinese["win_back.zh.subject"] = "好久不见"
    english = {**TEMPLATES, "win_back.en.subject": "Hello"}
    both = with_templates({**english, **chinese})
    for language, wanted in (("zh-CN", "好久不见"), ("en", "Hello"), ("de", "Hello"), (None, "Hello")):
        made = render(Draft(message(), both, customer(city="x", language=language), "", "en"))
        assert made.parts["subject"] == wanted
    only = with_templates(chinese)
    assert render(Draft(message(), only, customer(city="x"), "", "en")).language == "zh"


def test_marketing_mails_must_say_who_writes_why_and_how_to_leave() -> None:
    found = with_templates(TEMPLATES)
    check(found, found.plays["win_back"])
    for wanted in ("shop.name", "shop.address", "unsubscribe_url", "why"):
        text = TEMPLATES["win_back.en.text"].replace(f"{{{{ {wanted} }}}}", "")
        lacking = with_templates({**TEMPLATES, "win_back.en.text": text})
        with pytest.raises(UserError, match=f"win_back.en.text does not contain {wanted}"):
            check(lacking, lacking.plays["win_back"])


def test_missing_and_broken_templates_are_found_before_the_start() -> None:
    none = book()
    with pytest.raises(UserError, match="has no template"):
        check(none, none.plays["win_back"])
    partly = with_templates({name: text for name, text in TEMPLATES.items() if not name.endswith("html")})
    with pytest.raises(UserError, match=r"win_back\.en\.html is missing"):
        check(partly, partly.plays["win_back"])
    broken = with_templates({**TEMPLATES, "win_back.en.html": "{% if %}"})
    with pytest.raises(UserError, match=r"win_back\.en\.html, line 1"):
        check(broken, broken.plays["win_back"])
