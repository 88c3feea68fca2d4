"""Test errors of commands on pages: in Chinese for Chinese readers, but never the shop's own names."""

from __future__ import annotations

from time import process_time

from models.messages import messages
from models.messages.translatable import translatable
from models.rules.draft import Comparison, Draft, Row
from models.rules.draft_checks import Fault
from streamer.translations.phrases import TABLE
from streamer.web.console.builder_form import shown
from streamer.web.console.errors import fault_text, said

ENGLISH = messages("en")
CHINESE = messages("zh")


def test_a_phrase_of_the_commands_is_said_in_the_readers_language() -> None:
    english, chinese = next((one, other) for one, other in TABLE.items() if "{}" not in one)
    assert said(english, CHINESE) == chinese and said(english, ENGLISH) == english


def test_a_text_that_would_hold_up_the_loop_stays_english() -> None:
    columns = ", ".join(f"column {number}: a: b (c)" for number in range(200))
    begun = process_time()
    assert said(f"no Redis at {columns}", CHINESE).startswith("no Redis")
    assert process_time() - begun < 0.1
    assert said(f"no Redis at {columns[:900]}", CHINESE).endswith("没有 Redis")


def test_only_what_an_error_says_is_translated() -> None:
    english, chinese = next((one, other) for one, other in TABLE.items() if "{}" not in one)
    assert fault_text(translatable("draft unread", why=english), CHINESE) == f"无法理解：{chinese}"
    named = fault_text(translatable("draft two", name=english), CHINESE)
    assert english in named and chinese not in named


def test_a_hint_stands_behind_its_fault_in_both_languages() -> None:
    english, chinese = next((one, other) for one, other in TABLE.items() if "{}" not in one)
    draft = Draft(
        "worth", "rules", (Row("Best", "best", tests=(Comparison("orders", ">=", "3"),)), Row("Rest", "rest"))
    )
    faults = [Fault("name", translatable("draft id"), english)]
    assert shown(draft, faults, CHINESE)["wrong"]["name"].endswith(f"；{chinese}")
    assert shown(draft, faults, ENGLISH)["wrong"]["name"].endswith(f"; {english}")
