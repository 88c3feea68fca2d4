"""Test the second promise with the real owner: killed or frozen at any effect, no message is lost or doubled.

``make act`` runs 100,000 schedules, in parts distinguished by ACT_SEED. Here every single fault runs, and some hundred
schedules of two and three. Each mutant breaks one rule of ADR 0015, and is caught.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator, Mapping
from typing import Any
from unittest.mock import patch

import pytest
import structlog
from act_model import Fault, Process, effects, run

from streamer.act import store
from streamer.act.heart.people import People
from streamer.act.heart.settle import Answer, settle
from streamer.act.judging import Judge
from streamer.act.owner import ActOwner
from streamer.act.plays import declared
from streamer.act.plays.book import Book
from streamer.act.ports import Begun

SCHEDULES = int(os.environ.get("ACT_SCHEDULES", "300"))
SEED = int(os.environ.get("ACT_SEED", "1"))


@pytest.fixture(autouse=True)
def books_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading the file of plays took half of each schedule, and a book is an immutable value."""
    load, known = declared.load, dict[Any, Book]()

    def remembered(text: str, version: int, segments: Any, templates: Mapping[str, str], source: str) -> Book:
        key = (text, version, source, *sorted(templates.items()))
        if key not in known:
            known[key] = load(text, version, segments, templates, source)
        return known[key]

    monkeypatch.setattr(declared, "load", remembered)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(processors=[_drop])
    yield
    structlog.configure(**before)


def _drop(logger: Any, name: str, event: Any) -> Any:
    raise structlog.DropEvent


def single() -> Iterator[Mapping[int, Fault]]:
    for at in range(1, effects() + 1):
        yield {at: "kill"}
        yield {at: "freeze"}


def several(number: int, seed: int) -> Iterator[Mapping[int, Fault]]:
    dice, last = random.Random(seed), effects()
    for _ in range(number):
        faults: dict[int, Fault] = {}
        at = 0
        for _ in range(dice.choice((2, 2, 3))):
            at += dice.randrange(1, last)
            faults[at] = dice.choice(("kill", "freeze"))
        yield faults


def test_a_fault_at_any_effect_loses_and_doubles_nothing() -> None:
    assert effects() > 20
    for faults in single():
        assert run(faults) == [], faults


def test_faults_after_faults_lose_and_double_nothing() -> None:
    begun = time.perf_counter()
    for faults in several(SCHEDULES, SEED):
        assert run(faults) == [], faults
    print(f"{SCHEDULES} schedules of seed {SEED}, {SCHEDULES / (time.perf_counter() - begun):.0f} a second")


# -- mutants: each breaks one rule ----------------------------------------------------------------------------


def caught(kind: type[Process] = Process) -> bool:
    """Return whether some schedule reveals a fault."""
    return any(run(faults, kind) for faults in (*single(), *several(300, 2)))


class NoFence(Process):
    """A former owner may still commit."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.shared.fenced = False


class JournalOfTheLiving(Process):
    """The lines of an owner that may still wake up are treated as complete."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        recall, shared = self.journal.recall, self.shared

        def mistaken(journal: str, id: str, attempt: int) -> tuple[Begun, Answer | None]:
            shared.alive.discard(journal)
            return recall(journal, id, attempt)

        self.journal.recall = mistaken  # type: ignore[method-assign]
        # Only what else prevents a frozen call is removed: its lease.
        self.owner._owns = lambda: True  # type: ignore[method-assign]


class NoBeginLine(Process):
    """The line that records a call's start is not written."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)

        async def nothing(id: str, attempt: int) -> None:
            await self.effect()

        self.journal.begin = nothing  # type: ignore[method-assign]


class AnswerForgotten(Process):
    """A call that is known to have ended is treated as one that never began."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        recall = self.journal.recall

        def mistaken(journal: str, id: str, attempt: int) -> tuple[Begun, Answer | None]:
            begun, answer = recall(journal, id, attempt)
            return ("never", None) if begun == "answered" else (begun, answer)

        self.journal.recall = mistaken  # type: ignore[method-assign]


class DoubtSentAgain(Process):
    """A call that may have been made is made again."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.journal.recall = lambda journal, id, attempt: ("never", None)  # type: ignore[method-assign]


@pytest.mark.parametrize("kind", [NoFence, JournalOfTheLiving, NoBeginLine, AnswerForgotten, DoubtSentAgain])
def test_a_broken_process_is_caught(kind: type[Process]) -> None:
    assert caught(kind)


def test_calling_before_the_claim_is_committed_is_caught() -> None:
    commit = ActOwner._commit

    async def late(self: Any, outcome: Any) -> None:
        # The calls of this turn finish first.
        await self.calls_ended()
        await commit(self, outcome)

    claim = Judge._claim

    def early(self: Any, *args: Any) -> Any:
        call = claim(self, *args)
        if call is not None:
            self.calls._owns = lambda: True
            self.calls.begin(call)
        return None

    with patch.object(ActOwner, "_commit", late), patch.object(Judge, "_claim", early):
        assert caught()


def test_forgetting_what_was_read_is_caught() -> None:
    with patch("streamer.act.owner.store.restore", _restored_without_offsets(store.restore)):
        assert caught()


def _restored_without_offsets(restore: Any) -> Any:
    def mistaken(records: Any, state: Any) -> None:
        restore(records, state)
        state.ledger.changes = {}
        state.people = People()

    return mistaken


def test_taking_a_coupon_without_writing_it_is_caught() -> None:
    def unwritten(outcome: Any, state: Any, lanes: int) -> Any:
        outcome.coupons = {code for code in outcome.coupons if not state.coupons.get(code).given}
        return written(outcome, state, lanes)

    written = store.writes
    with patch("streamer.act.owner.store.writes", unwritten):
        assert caught()


def test_giving_up_a_webhook_in_doubt_is_caught() -> None:
    def given_up(state: Any, journal: Any, outcome: Any, now: int) -> None:
        for message in [one for one in state.messages.values() if one.status == "sending"]:
            settle(message, Answer("refused"), state, outcome, now)

    with patch("streamer.act.owner.recover", given_up):
        assert caught()


def test_leaving_claims_of_a_former_owner_alone_is_caught() -> None:
    with patch("streamer.act.owner.recover", lambda *args: None):
        assert caught()
