"""Test steps of messages on a customer's page: each has its words, in the order of a message's life."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from models.messages import LANGUAGES, Language, messages
from schemas.published import MESSAGE_STEPS
from streamer.web.console.customers import _step, _steps


def step(kind: str, **more: object) -> dict[str, Any]:
    return {"type": kind, "at": "2026-11-28T10:00:00Z", "play": "thanks", **more}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_step_has_its_words(language: Language) -> None:
    shown = [_step(step(kind, gate="cap"), messages(language)) for kind in MESSAGE_STEPS]
    assert len(set(shown)) == len(MESSAGE_STEPS) and not any("message." in one for one in shown)


def test_a_gate_that_this_release_does_not_know_is_named() -> None:
    assert "moon" in _step(step("message.dropped", gate="moon"), messages("en"))


def test_a_step_that_this_release_does_not_know_is_named() -> None:
    words: Any = SimpleNamespace(instant=str, texts=messages("en"))
    found = _steps([step("message.moonlit"), step("message.planned")], words)
    assert [one["step"] for one in found] == ["planned", "moonlit"]


def test_what_came_of_it_is_told_apart() -> None:
    texts = messages("en")
    assert _step(step("message.measured", converted=True), texts) != _step(step("message.measured"), texts)


def test_steps_of_one_instant_are_in_order() -> None:
    words: Any = cast("Any", SimpleNamespace(instant=str, texts=messages("en")))
    found = _steps([step("message.sent"), step("message.planned"), step("message.sending")], words)
    assert [one["step"] for one in found] == ["sent", "being sent", "planned"]
