"""Test that the report of a play over HTTP equals the command's, as its schema allows."""

from __future__ import annotations

from dataclasses import asdict, replace
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from act_world import NOON, World, book, play
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient
from web_process import check

from models.messages import messages
from streamer.act.heart.state import OWNER, Message, State
from streamer.act.plays.book import Book
from streamer.act.plays.weekly import Weekly
from streamer.act.preview import Funnel
from streamer.queries.plays import power, report, shown
from streamer.web.api import plays
from streamer.web.api.problems import ProblemError, of_error
from streamer.web.console.plays import _message


@pytest.fixture
def world() -> World:
    return World(book(play(holdout=0.2, more='measure = { goal = "order", within = "14 days" }')))


def previewed(book: Book, name: str, days: int, until: int) -> tuple[int, dict[str, Any]]:
    """Replace the reading of changes; tests on real servers compare with the command."""
    funnel = {**asdict(Funnel(planned=3, sent=2, dropped={"cap": 1})), **power(book.plays[name], 2, days)}
    return 7, funnel


@pytest.fixture
def client(world: World, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    def state_of(_: object) -> State:
        return world.state

    monkeypatch.setattr(plays, "state_of", state_of)
    handlers = plays.Plays(None, previewed)  # type: ignore[arg-type]
    routes = [
        Route("/v1/plays/{name}/report", handlers.report),
        Route("/v1/plays/{name}/preview", handlers.preview, methods=["POST"]),
    ]
    return TestClient(Starlette(routes=routes, exception_handlers={ProblemError: of_error}))


def report_of(client: TestClient) -> Any:
    answer = client.get("/v1/plays/win_back/report")
    assert answer.status_code == 200
    check("play_report", answer.json())
    return answer.json()


def test_a_play_is_reported_from_its_first_day_on(client: TestClient, world: World) -> None:
    assert report_of(client)["says"] == "nothing yet"
    found = world.state.ledger.plays["win_back"]
    for number in range(4_000):
        held = number % 5 == 0
        arm = found.held_arm if held else found.sent_arm
        bought = number % 50 == 0 if held else number % 3 == 0
        arm.n += 1
        arm.bought += bought
        arm.money += 30.0 * bought
        arm.squares += 900.0 * bought
        found.drawn.count(held, 0.2)
    answer = report_of(client)
    expected = report("win_back", found, world.state, NOON)
    assert answer["says"] == "helps" and answer["uplift"] == pytest.approx(expected["uplift"])
    assert answer["money"]["low"] > 0 and not answer["arms_are_off"]


def test_a_play_that_was_never_started_is_named_as_none(client: TestClient) -> None:
    answer = client.get("/v1/plays/birthday/report")
    assert answer.status_code == 404 and "/v1/plays" in answer.json()["hint"]


@pytest.mark.parametrize(("query", "days"), [("", 30), ("?days=7", 7)])
def test_a_play_is_previewed_over_the_days_that_are_asked_for(client: TestClient, query: str, days: int) -> None:
    answer = client.post(f"/v1/plays/win_back/preview{query}")
    assert answer.status_code == 200
    check("play_preview", answer.json())
    found = answer.json()
    assert (found["days"], found["changes"], found["dropped"]) == (days, 7, {"cap": 1})
    assert found["a_month"] == pytest.approx(60 / days, abs=0.1)


@pytest.mark.parametrize(("path", "status"), [("win_back/preview?days=401", 400), ("birthday/preview", 404)])
def test_a_preview_of_nothing_or_of_too_much_is_refused(client: TestClient, path: str, status: int) -> None:
    assert client.post(f"/v1/plays/{path}").status_code == status


def test_a_play_that_writes_to_the_owner_has_no_preview(client: TestClient, world: World) -> None:
    declared = world.state.books[1].plays["win_back"]
    weekly = replace(declared, when=replace(declared.when, weekly=Weekly(0, 8 * 60)))
    world.state.books[1].plays["win_back"] = weekly  # type: ignore[index]
    answer = client.post("/v1/plays/win_back/preview")
    assert answer.status_code == 404 and "last week's report" in answer.json()["detail"]


def test_a_message_to_the_owner_names_no_customer() -> None:
    message = Message("m", "monday", 1, OWNER, None, 0, 0, 0)  # type: ignore[arg-type]
    assert shown(message)["customer_id"] is None
    assert shown(msgspec.structs.replace(message, customer="ann"))["customer_id"] == "ann"
    visit: Any = SimpleNamespace(moment=str, texts=messages("zh"))
    assert _message(message, visit) == {"id": "m", "customer": "您（店主）", "href": None, "due": "0", "why": ""}
    assert _message(msgspec.structs.replace(message, customer="ann"), visit)["href"] == "/customers/ann"
