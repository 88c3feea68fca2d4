"""Test that a rehearsal reports of every message what rendering it reports, however few it renders."""

from __future__ import annotations

import random
from typing import Any
from unittest.mock import patch

import pytest
from act_world import NOON, SEGMENTS, World, book, change, customer, play

from schemas.changes import Reason
from streamer.act.plays.declared import load
from streamer.act.rehearsal import Rehearsal, reads
from streamer.act.render import Draft, RenderError, made, render

TEXTS = (
    "{{ shop.name }} {{ why }}",
    "{{ customer.id }} {{ customer.city }}",
    "{% if customer.city is defined %}{{ customer.city }}{% else %}none{% endif %}",
    "{% if customer.city %}{{ customer.town }}{% endif %}",
    "{{ 10 // customer.age }}",
    "{{ customer.city.upper() }}",
    "{% for name in customer %}{{ customer[name].strip() }}{% endfor %}",
    "{% set who = customer %}{{ who.city }}",
    "{{ features.orders + 1 }}",
    "{{ customer['city'] ~ customer.custom.size }}",
    "{{ reasons }}{{ nowhere }}",
    "{% if %}",
)


@pytest.mark.parametrize("text", TEXTS)
def test_a_rehearsal_fails_where_rendering_fails(text: str) -> None:
    dice = random.Random(text)
    templates = {f"win_back.en.{part}": text if part == "text" else "Hello" for part in ("subject", "text", "html")}
    found = load(book(play()).text, 1, SEGMENTS, templates)
    world, rehearsal, ended = World(found), Rehearsal(), set[bool]()
    for number in range(200):
        traits: dict[str, list[str | int]] = {
            "city": ["Bonn", "", "Köln"],
            "age": [0, 1],
            "custom.size": ["L", 4],
            "town": ["Ulm"],
        }
        known: Any = {name: dice.choice(values) for name, values in traits.items() if dice.random() < 0.6}
        who = customer(f"c{number}", **known)
        features: Any = dice.choice([{}, {"orders": 2.0}, {"orders": None}])
        reasons = (Reason("orders", None, dice.randrange(3), "fell"),) if dice.random() < 0.5 else ()
        [message] = world.take(change(f"c{number}", features=features, reasons=reasons))
        answers = []
        for attempt in (
            lambda: render(Draft(message, found, who, "u", "en")),  # noqa: B023
            lambda: rehearsal.render(Draft(message, found, who, "u", "en")),  # noqa: B023
        ):
            try:
                attempt()
                answers.append("")
            except RenderError as error:
                answers.append(str(error))
        assert answers[0] == answers[1], (answers, known, features)
        ended.add(bool(answers[0]))
    assert ended


def test_customers_with_the_same_facts_are_rendered_once() -> None:
    assert reads("{{ customer.id }}{% if customer.email is defined %}{% endif %}", "text")[1] == ()
    templates = {f"win_back.en.{part}": "{{ customer.id }}: {{ why }}" for part in ("subject", "text", "html")}
    found = load(book(play()).text, 1, SEGMENTS, templates)
    world, rehearsal = World(found), Rehearsal()
    with patch("streamer.act.rehearsal.made", wraps=made) as renders:
        for number in range(50):
            [message] = world.take(change(f"c{number}"), NOON)
            rehearsal.render(Draft(message, found, customer(f"c{number}"), "u", "en"))
    assert renders.call_count == 3
