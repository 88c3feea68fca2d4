"""Test that answers are sent in one piece: the transport that joins writes, on a loop and without a network."""

from __future__ import annotations

import asyncio
from typing import Any

from streamer.web.sending import Joining


class Sent:
    """A transport that stores what it sends."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.parts.append(bytes(data))

    def close(self) -> None:
        self.parts.append(b"closed")

    def get_extra_info(self, name: str) -> str:
        return f"{name} of it"


def on_loop(*steps: Any) -> list[bytes]:
    """Return what was sent after the steps: bytes are written, None waits for the loop's next turn, and "close" closes."""
    sent = Sent()

    async def run() -> None:
        joining: Any = Joining(sent, asyncio.get_running_loop())  # type: ignore[arg-type]
        assert joining.get_extra_info("peername") == "peername of it"
        for step in steps:
            if step is None:
                await asyncio.sleep(0)
            elif step == "close":
                joining.close()
            else:
                joining.write(step)

    asyncio.run(run())
    return sent.parts


def test_head_and_body_are_one_piece() -> None:
    assert on_loop(b"head", b"body", None) == [b"headbody"]
    assert on_loop(memoryview(b"head"), memoryview(b"body"), None) == [b"headbody"]
    assert on_loop(b"head", b"body", b"head", b"body", None) == [b"headbody", b"headbody"]


def test_what_stands_alone_waits_for_one_turn_only() -> None:
    assert on_loop(b"head", b"", None) == [b"head"]
    assert on_loop(b"head", None, b"late", None) == [b"head", b"late"]


def test_a_writer_that_never_waits_is_held_back_by_one_write_at_most() -> None:
    parts = on_loop(*[b"x"] * 101, None)
    assert parts == [b"xx"] * 50 + [b"x"]
    # Sent as they arrive, so that the transport can apply back-pressure: nothing piles up here.
    assert on_loop(*[b"x"] * 100) == [b"xx"] * 50


def test_what_is_held_is_sent_before_the_end() -> None:
    assert on_loop(b"head", "close") == [b"head", b"closed"]
    assert on_loop(b"head", "close", None) == [b"head", b"closed"]
