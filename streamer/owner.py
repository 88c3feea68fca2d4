"""The model owner: one reader of the panel topic, who learns beside the lanes and publishes frozen versions.

It runs in a pool like a lane (``streamer.pool.Reader``). Everything it does is one transaction: the version into every
lane, the tables, its snapshot and the panel's offset. A restart reads the snapshot and goes on; a second owner waits
as a group member without partition, and a paused one is fenced by the transactional id.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import msgspec
import structlog

from models.behaviour.learner import Learned, Learner
from models.behaviour.panel import decode as decode_row
from models.definitions import Definitions
from models.words import Language
from schemas import topics
from schemas.errors import InvariantViolation
from schemas.records import Headers
from streamer.inbox import Inbox
from streamer.keys import SHIFT_HEADER
from streamer.ports import Batch, LaneLog, WallClock, Write
from streamer.publish_model import definition_writes, model_writes

log = structlog.get_logger(__name__)

_SNAPSHOT = b"!learner:"
_PIECE = 400_000
_PATIENCE_SECONDS = 1.0


class _Piece(msgspec.Struct, array_like=True):
    """One piece of a snapshot: which snapshot, how many pieces it has, the panel offset it stands at."""

    position: int
    pieces: int
    data: bytes


class Owner(Inbox):
    """Learns from the panel and publishes.

    Parameters
    ----------
    learner
        The learner to feed; its snapshot is restored in `open`.
    owner_log
        Consumes and keeps its snapshot in the panel topic.
    on_learned
        Called after every look at the clusters, with the day and what came of it.
    """

    def __init__(
        self,
        learner: Learner,
        owner_log: LaneLog,
        definitions: Definitions,
        lanes: int,
        clock: WallClock,
        control_key: bytes | None = None,
        on_learned: Callable[[int, Learned], None] = lambda day, learned: None,
        language: Language = "en",
    ) -> None:
        super().__init__()
        self._learner = learner
        self._log = owner_log
        self._definitions = definitions
        self._lanes = lanes
        self._clock = clock
        self._control_key = control_key
        self._on_learned = on_learned
        self._language = language
        self._position = 0
        self._end = 0
        self._day = -1
        self._looked = -1

    @property
    def next_offset(self) -> int:
        return self._position

    async def close(self) -> None:
        await self._log.close()

    async def open(self) -> int:
        """Fence a former owner, take up its snapshot, publish what the declared segments are."""
        await self._log.open()
        pieces: dict[int, _Piece] = {}
        async for chunk in self._log.changelog(0):
            for _, key, value in chunk:
                if key.startswith(_SNAPSHOT) and value is not None:
                    pieces[int(key[len(_SNAPSHOT) :])] = msgspec.msgpack.decode(value, type=_Piece)
        first = pieces.get(0)
        if first is not None:
            whole = [pieces.get(index) for index in range(first.pieces)]
            if any(piece is None or piece.position != first.position for piece in whole):
                raise InvariantViolation("the model owner's snapshot is incomplete")
            data = b"".join(piece.data for piece in whole if piece is not None)
            self._learner.restore(zlib.decompress(data))
            self._position = first.position
        else:
            self._position = await self._log.first_offset()
        self._end = await self._log.end_offset()
        await self._log.commit(
            definition_writes(self._definitions, self._clock.now_ms(), self._language), self._position
        )
        return self._position

    async def run(self) -> None:
        while not self._stopping:
            await self._something_waits(_PATIENCE_SECONDS)
            if self._waiting:
                self._take(self._waiting.pop(0))
                # Only once what was there at the start has been read, or an old day would be learned again.
                if not self._stopping and self._position >= self._end and self._day > self._looked:
                    await self._learn(self._day)

    def _take(self, batch: Batch) -> None:
        if batch.start > self._position:
            # The panel is compacted and each row stands for all before it: a hole costs nothing.
            log.info("rows of the panel were skipped", expected=self._position, got=batch.start)
        for record in batch.records:
            key = record.key or b""
            if record.offset < self._position or key.startswith(b"!") or record.value is None:
                continue
            self._thin_out(record.headers)
            row = decode_row(record.value)
            self._learner.observe(row)
            self._day = max(self._day, row.day)
        self._position = max(self._position, batch.end)

    def _thin_out(self, headers: Headers) -> None:
        """Follow the lanes to a sparser panel: who is not in it any more would seem to have fallen silent."""
        for name, value in headers:
            if name == SHIFT_HEADER and (shift := int(value)) > self._learner.shift:
                self._learner.set_shift(shift)

    async def _learn(self, day: int) -> None:
        self._looked = day
        learner = self._learner
        before = learner.state.last_update
        learned = learner.learn(day)
        self._on_learned(day, learned)
        if learner.state.last_update == before:
            return
        writes = {}
        if learned.model is not None:
            now = self._clock.now_ms()
            writes = model_writes(learned.model, self._lanes, now, self._control_key, self._language)
            log.info("published a model version", version=learned.model.version, outcome=learned.outcome, day=day)
        writes[topics.PANEL, 0] = self._snapshot()
        await self._log.commit(writes, self._position)

    def _snapshot(self) -> list[Write]:
        data = zlib.compress(self._learner.snapshot(), 1)
        pieces = [data[at : at + _PIECE] for at in range(0, len(data), _PIECE)]
        return [
            Write(_SNAPSHOT + str(index).encode(), msgspec.msgpack.encode(_Piece(self._position, len(pieces), piece)))
            for index, piece in enumerate(pieces)
        ]
