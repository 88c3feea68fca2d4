"""Test channel ``notify``: apprise calls a real server as it calls robots of WeCom, DingTalk and Feishu."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from act_world import HEAD, NOON, SEGMENTS, change, play
from aiohttp import web
from aiohttp.test_utils import TestServer

from schemas.errors import UserError
from streamer.act.channels.notify import MOST_BYTES, NotifySender, digest_of
from streamer.act.heart.settle import Answer
from streamer.act.heart.state import Message
from streamer.act.plays.book import Channel
from streamer.act.plays.declared import load
from streamer.act.render import Rendered


async def yes() -> bool:
    return True


async def no() -> bool:
    return False


def message() -> Message:
    return Message("m-1", "vip", 1, "ann", change(), NOON, NOON, NOON, claimed=NOON, attempt=1)


class Robot:
    """A server that accepts notes as JSON."""

    def __init__(self, status: int = 200) -> None:
        self.notes: list[dict[str, Any]] = []
        self._status = status

    async def __aenter__(self) -> str:
        async def take(request: web.Request) -> web.Response:
            self.notes.append(await request.json())
            return web.Response(status=self._status)

        app = web.Application()
        app.router.add_post("/{path:.*}", take)
        self._server = TestServer(app)
        await self._server.start_server()
        return f"json://127.0.0.1:{self._server.port}/note"

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()


def note(text: str) -> Rendered:
    return Rendered("en", {"subject": f"{text} may leave", "text": f"Call {text}."}, {})


def run(tmp_path: Path, robot: Robot, texts: list[str], begun: Any = yes, **options: str) -> list[Answer]:
    async def go() -> list[Answer]:
        async with robot as url:
            path = tmp_path / "me"
            path.write_text(f"# my robot\n{url}\n")
            sender, channel = NotifySender(), Channel("me", "notify", (), {"url_file": str(path), **options})
            try:
                return await asyncio.gather(*(sender.send(channel, message(), note(one), "", begun) for one in texts))
            finally:
                await sender.close()

    return asyncio.run(go())


def test_each_note_goes_alone_without_a_digest(tmp_path: Path) -> None:
    robot = Robot()
    assert {one.kind for one in run(tmp_path, robot, ["ann", "bob"])} == {"sent"}
    assert [(one["title"], one["message"]) for one in robot.notes] == [
        ("ann may leave", "Call ann."),
        ("bob may leave", "Call bob."),
    ]


def test_notes_of_an_interval_come_as_one(tmp_path: Path) -> None:
    robot, texts = Robot(), [f"c{number}" for number in range(10)]
    began = time.monotonic()
    assert {one.kind for one in run(tmp_path, robot, texts, digest="1 a second")} == {"sent"}
    assert len(robot.notes) <= 2 and time.monotonic() - began < 5
    assert all(f"Call {text}." in json.dumps(robot.notes) for text in texts)


def test_an_unwilling_robot_is_asked_again_and_a_lost_lease_calls_nobody(tmp_path: Path) -> None:
    (answer,) = run(tmp_path, Robot(500), ["ann"])
    assert answer.kind == "retry" and answer.channel_down
    robot = Robot()
    assert run(tmp_path, robot, ["ann", "bob"], no, digest="1 a second") == [Answer("not_begun")] * 2
    assert robot.notes == []


@pytest.mark.parametrize("url", ["wecombot://KEY123", "dingtalk://TOKEN123", "feishu://TOKEN123", "schan://KEY123"])
def test_apprise_knows_the_robots_that_the_page_names(url: str) -> None:
    from apprise import Apprise

    assert Apprise().add(url)


def test_a_missing_file_and_unknown_addresses_never_show_the_address(tmp_path: Path) -> None:
    def send(path: Path) -> Answer:
        async def go() -> Answer:
            channel = Channel("me", "notify", (), {"url_file": str(path)})
            return await NotifySender().send(channel, message(), note("ann"), "", yes)

        return asyncio.run(go())

    assert send(tmp_path / "none").kind == "retry"
    odd = tmp_path / "odd"
    odd.write_text("nothing://SECRET")
    answer = send(odd)
    assert answer.kind == "retry" and "SECRET" not in answer.detail and "no address" in answer.detail


def test_long_texts_are_cut_at_a_whole_character() -> None:
    _, text = digest_of([("a", "重" * 3_000)])
    assert len(text.encode()) <= MOST_BYTES and text.endswith("重…")


def test_marketing_does_not_go_to_the_owner() -> None:
    channel = '[channels.me]\nkind = "notify"\nurl_file = "me"\n'
    with pytest.raises(UserError, match="sends to you, not to customers"):
        load(HEAD + channel + play(channel="me"), 1, SEGMENTS)
    load(HEAD + channel + play(channel="me", more='kind = "service"'), 1, SEGMENTS)
    with pytest.raises(UserError, match="digest cannot be 'often'"):
        load(HEAD + channel + 'digest = "often"\n' + play(channel="me"), 1, SEGMENTS)
