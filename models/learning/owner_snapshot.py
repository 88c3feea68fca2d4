"""The learner on disk: MessagePack, no pickle, models in their own checked JSON form."""

from __future__ import annotations

from typing import Any, Final, Protocol

import msgspec
import numpy as np

from models.behaviour.layout import VECTOR
from models.behaviour.memory import Memory
from models.behaviour.model import ClusterModel
from models.learning.backtest import NoiseSample
from models.learning.diary import Diary
from models.learning.drift import Drift
from models.learning.owner_types import State
from models.learning.proposal import Proposal
from models.learning.reason import Reason
from models.learning.river_centres import Kept
from models.learning.row_stream import RowStream
from schemas.errors import InvariantViolation

FORMAT: Final = 4
_READ: Final = (2, 3, 4)
"""Readable versions. Before 3 a waiting proposal was a bare model; it is dropped, and proposed again within two weeks.
Before 4 noise samples contained the phases of buyers; they are dropped, and a new one is kept every four weeks."""


class Saved(msgspec.Struct, array_like=True):
    """The stored form of one learner."""

    format: int
    shift: int
    members: list[tuple[str, bytes, Diary]]
    frames_done: int
    last_update: int | None
    last_k_look: int | None
    beaten: int
    other_k: int
    last_version: int
    working: list[list[float]] | None
    timeline: list[tuple[int, dict[str, Any]]]
    proposal: dict[str, Any] | None
    shop_first_day: int | None
    noise_samples: list[tuple[int, list[str], bytes]]
    drift: Drift
    last_alarm: int | None
    proposals: int = 0
    turned_down: dict[str, int] = {}
    reason: Reason = msgspec.field(default_factory=Reason)
    river: Kept | None = None
    next_day: int = 0


class Remembering(Protocol):
    """The part of a learner that is stored: everything but its configuration."""

    shift: int
    memory: Memory
    members: dict[str, tuple[int, Diary]]
    state: State
    stream: RowStream

    def drain(self) -> None:
        """Learn the waiting rows."""


def pack(learner: Remembering) -> bytes:
    """Encode the learner; equal learners yield equal bytes."""
    learner.drain()
    state = learner.state
    return msgspec.msgpack.encode(
        Saved(
            format=FORMAT,
            shift=learner.shift,
            members=[
                (customer, learner.memory.dump(row), diary)
                for customer, (row, diary) in sorted(learner.members.items())
            ],
            frames_done=state.frames_done,
            last_update=state.last_update,
            last_k_look=state.last_k_look,
            beaten=state.beaten,
            other_k=state.other_k,
            last_version=state.last_version,
            working=None if state.working is None else state.working.tolist(),
            timeline=[(day, model.to_dict()) for day, model in state.timeline],
            proposal=None if state.proposal is None else state.proposal.to_dict(),
            shop_first_day=state.shop_first_day,
            noise_samples=[(noise.day, list(noise.customers), noise.stats.tobytes()) for noise in state.noise_samples],
            drift=state.drift,
            last_alarm=state.last_alarm,
            proposals=state.proposals,
            turned_down=state.turned_down,
            reason=state.reason,
            river=learner.stream.keep(),
            next_day=state.next_day,
        )
    )


def unpack(learner: Remembering, data: bytes) -> None:
    """Replace the learner's state by the output of ``pack``."""
    try:
        saved = msgspec.msgpack.decode(data, type=Saved)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise InvariantViolation(f"owner snapshot: cannot be read: {error}") from error
    if saved.format not in _READ:
        raise InvariantViolation(f"owner snapshot: format {saved.format} is unknown, not {FORMAT}")
    learner.shift = saved.shift
    learner.memory = Memory(max(64, len(saved.members)))
    learner.members = {customer: (learner.memory.load(blob), diary) for customer, blob, diary in saved.members}
    learner.state = State(
        frames_done=saved.frames_done,
        last_update=saved.last_update,
        last_k_look=saved.last_k_look,
        beaten=saved.beaten,
        other_k=saved.other_k,
        last_version=saved.last_version,
        working=None if saved.working is None else np.array(saved.working),
        timeline=[(day, ClusterModel.from_dict(model)) for day, model in saved.timeline],
        proposal=None if saved.proposal is None or saved.format < 3 else Proposal.from_dict(saved.proposal),
        shop_first_day=saved.shop_first_day,
        noise_samples=[
            NoiseSample(day, tuple(customers), np.frombuffer(stats, dtype="<f4").reshape(VECTOR, len(customers)))
            for day, customers, stats in (saved.noise_samples if saved.format >= 4 else ())
        ],
        drift=saved.drift,
        last_alarm=saved.last_alarm,
        proposals=saved.proposals,
        turned_down=saved.turned_down,
        reason=saved.reason,
        next_day=saved.next_day,
    )
    if learner.state.timeline:
        learner.stream.begin(learner.state.timeline[-1][1], saved.river)
