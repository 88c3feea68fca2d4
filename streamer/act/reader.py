"""Access ``act`` from outside, for the command line: read its state from its topic, and send it commands."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from schemas import topics
from schemas.act import MAX_FILES_BYTES, Command, Refusal, command_key, encode_command
from schemas.errors import UserError
from schemas.signing import ControlKeys
from streamer.act import store
from streamer.act.heart.state import State
from streamer.act.plays.book import Book
from streamer.act.plays.declared import load
from streamer.act.render import check
from streamer.adapters.client import read, sender
from streamer.adapters.kafka import KafkaConnection, Offsets, read_committed

if TYPE_CHECKING:
    from streamer.act.plays.book import Segments

ANSWER_SECONDS = 15.0
_LOOK_SECONDS = 0.3
TEMPLATES = "templates"
"""Folder with the templates, next to the file."""
_PARTS = (".subject", ".html", ".text")


def state_of(connection: KafkaConnection) -> State:
    """Return the current state of ``act``, empty if it never ran."""
    return asyncio.run(_state_of(connection))


async def _state_of(connection: KafkaConnection) -> State:
    offsets = Offsets(connection)
    await offsets.start()
    try:
        # A turn is one transaction. Stop at the last stable offset, to read no half turn and not wait for a killed
        # owner's open transaction.
        first, end = await offsets.first(topics.ACT, 0), await offsets.stable(topics.ACT, 0)
    finally:
        await offsets.stop()
    state = State()
    async for chunk in read_committed(connection, topics.ACT, 0, first, end):
        store.restore(((record.key or b"", record.value) for record in chunk), state)
    return state


def give(connection: KafkaConnection, order: Command, keys: ControlKeys | None) -> bool:
    """Send a command to ``act`` and wait until it is carried out. Return False after 15 s without an answer.

    Raises
    ------
    UserError
        The command was rejected.
    """
    key = command_key()
    value, headers = encode_command(order, keys)
    with sender(connection, topics.ACT, 1) as to:
        to.send(key, value, headers, partition=0)
    deadline = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < deadline:
        for record in read(connection, topics.ACT, latest=50_000):
            if record.key == key and record.value is None:
                if (refusal := Refusal.of(record.headers)) is not None:
                    raise UserError(f"`streamer act` rejected the command: {refusal.why}", refusal.fix)
                return True
        time.sleep(_LOOK_SECONDS)
    return False


def book_of(path: Path, segments: Segments, version: int = 1) -> Book:
    """Return a file of plays with the templates next to it, fully validated. Raises UserError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {path}: {error}", "use a readable UTF-8 file") from error
    templates = dict(_templates(path.parent / TEMPLATES))
    size = len(text.encode()) + sum(len(one.encode()) for one in templates.values())
    if size > MAX_FILES_BYTES:
        raise UserError(
            f"the file and its templates have {size:,} bytes", f"reduce them to {MAX_FILES_BYTES:,} bytes or less"
        )
    book = load(text, version, segments, templates, path.name)
    for play in book.plays.values():
        check(book, play)
    return book


def _templates(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.glob("*")):
        if path.suffix in _PARTS and path.is_file():
            try:
                yield path.name, path.read_text(encoding="utf-8")
            except UnicodeDecodeError as error:
                raise UserError(f"{path} is not UTF-8: {error.reason}", "save it as UTF-8") from None
