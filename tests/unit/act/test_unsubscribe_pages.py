"""Test the unsubscribe pages: a GET changes nothing, a POST does, and invalid links are all answered alike."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from streamer.act.links import Links, Ticket
from streamer.web.app import application
from streamer.web.unsubscribe import RateLimit, Unsubscribe

LINKS = Links(b"k" * 32)
NOW = 20_000 * 86_400_000
GETS, TOKENS = int(os.environ.get("ACT_GETS", "300")), int(os.environ.get("ACT_TOKENS", "200"))
TOKEN = LINKS.token(Ticket("17850", "offers", "m-1", 20_000))


class Written:
    """Stores events in memory."""

    def __init__(self) -> None:
        self.left: list[tuple[str, str, str]] = []
        self.personal: list[str] = []

    async def leave(self, ticket: Ticket, list: str, event_id: str, at: int) -> None:
        self.left.append((ticket.customer, list, event_id))

    async def not_personal(self, ticket: Ticket, event_id: str, at: int) -> None:
        self.personal.append(ticket.customer)


@pytest.fixture
def written() -> Written:
    return Written()


@pytest.fixture
def client(written: Written) -> Iterator[TestClient]:
    pages = Unsubscribe(LINKS, written, lambda: NOW, "en", RateLimit(1_000_000))
    with TestClient(application(pages), follow_redirects=False) as made:
        yield made


def test_a_scanner_that_follows_the_link_changes_nothing(client: TestClient, written: Written) -> None:
    for _ in range(GETS):
        answer = client.get(f"/u/{TOKEN}")
        assert answer.status_code == 200 and "set-cookie" not in answer.headers
    assert client.head(f"/u/{TOKEN}").status_code == 200
    assert written.left == [] and written.personal == []
    assert "offers" in answer.text and answer.text.count("<form") == 3


def test_one_click_works_in_both_encodings_and_twice(client: TestClient, written: Written) -> None:
    first = client.post(f"/u/{TOKEN}", data={"List-Unsubscribe": "One-Click"})
    again = client.post(f"/u/{TOKEN}", files={"List-Unsubscribe": (None, "One-Click")})
    assert (first.status_code, again.status_code) == (200, 200) and first.text == again.text
    assert len(set(written.left)) == 1 and written.left[0][:2] == ("17850", "offers")


def test_the_other_choices(client: TestClient, written: Written) -> None:
    assert client.post(f"/u/{TOKEN}", data={"choice": "all"}).status_code == 200
    assert client.post(f"/u/{TOKEN}", data={"choice": "not_personal"}).status_code == 200
    assert [list for _, list, _ in written.left] == ["*"] and written.personal == ["17850"]
    for body in ({"choice": "more"}, {}, {"List-Unsubscribe": "Two-Clicks"}):
        assert client.post(f"/u/{TOKEN}", data=body).status_code == 400
    assert client.post(f"/u/{TOKEN}", content=b"x" * 5_000).status_code == 413
    assert len(written.left) == 1


def test_forged_expired_and_foreign_links_get_one_answer_and_do_nothing(client: TestClient, written: Written) -> None:
    dice = random.Random(5)
    expired = LINKS.token(Ticket("17850", "offers", "m-1", 19_000))
    foreign = Links(b"x" * 32).token(Ticket("17850", "offers", "m-1", 20_000))
    forged = [dice.randbytes(40).hex() for _ in range(TOKENS)]
    answers = {
        (client.post(f"/u/{token}", data={"List-Unsubscribe": "One-Click"}).text, client.get(f"/u/{token}").status_code)
        for token in (expired, foreign, *forged)
    }
    assert len(answers) == 1 and {status for _, status in answers} == {404}
    assert written.left == []


def test_pages_speak_the_browsers_language(client: TestClient) -> None:
    assert "您" in client.get(f"/u/{TOKEN}", headers={"accept-language": "zh-CN,zh;q=0.9"}).text
    assert "Messages to you" in client.get(f"/u/{TOKEN}", headers={"accept-language": "fr"}).text


def test_one_address_cannot_post_without_end(written: Written) -> None:
    now = [0.0]
    pages = Unsubscribe(LINKS, written, lambda: NOW, "en", RateLimit(3, clock=lambda: now[0]))
    with TestClient(application(pages)) as client:
        statuses = [client.post(f"/u/{TOKEN}", data={"List-Unsubscribe": "One-Click"}).status_code for _ in range(5)]
        assert statuses == [200, 200, 200, 429, 429]
        now[0] = 61.0
        assert client.post(f"/u/{TOKEN}", data={"List-Unsubscribe": "One-Click"}).status_code == 200


def test_how_it_is(client: TestClient) -> None:
    assert client.get("/healthz").text == "ok\n"
