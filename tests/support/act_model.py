"""Run act's real owner and heart over memory adapters, with a fault at any effect: killed, or frozen until replaced.

Effects are what another process could see: commits, journal lines, calls. A schedule names the effects at which faults
happen; everything else is deterministic, so a schedule can be repeated.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from act_world import DAY, HEAD, NOON, POLICY, SEGMENTS, customer, play

from schemas import topics
from schemas.act import CouponsCommand, PlayCommand, command_key, encode_command
from schemas.changes import Change, ModelRef, SegmentRef, encode_change
from schemas.records import LogRecord, Record
from streamer.act.heart.settle import Answer
from streamer.act.heart.state import Message, State
from streamer.act.links import Links
from streamer.act.owner import ActOwner
from streamer.act.plays.book import Channel
from streamer.act.ports import Begin, Begun, Fetched, Seen, Source
from streamer.act.render import Rendered
from streamer.act.settings import ActSettings
from streamer.lanes.ports import Batch, Fenced, Writes

Fault = Literal["kill", "freeze"]
TEXT = HEAD + '[limits]\nper_customer = ["9 a day"]\nquiet = "none"\nstorm = "100 % of customers in 1 hour"\n'
TEXT += play("hook", channel="hook", again="0 seconds") + play(
    "mail", channel="mail", again="0 seconds", more='coupon = { pool = "back10" }'
)
TEMPLATES = {f"mail.en.{part}": "{{ coupon.code }}" for part in ("subject", "text", "html")}


class Killed(BaseException):
    """Raised when the process is killed: nothing of it runs any more."""


@dataclass
class Shared:
    """The state that outlives a process: Kafka, the disk, the receivers, and the clock."""

    faults: Mapping[int, Fault]
    effects: int = 0
    now: int = NOON
    seconds: float = 1.0
    epoch: int = 0
    records: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    orders: list[Record] = field(default_factory=list)
    changes: list[Record] = field(default_factory=list)
    journals: dict[str, dict[tuple[str, int], Answer | None]] = field(default_factory=dict)
    alive: set[str] = field(default_factory=set)
    called: Counter[str] = field(default_factory=Counter)
    mails: Counter[str] = field(default_factory=Counter)
    codes: dict[str, set[str]] = field(default_factory=dict)
    fenced: bool = True


class Process:
    """One process and its ports; each port may fail."""

    def __init__(self, shared: Shared, number: int) -> None:
        self.shared = shared
        self.dead = False
        self.frozen: asyncio.Event | None = None
        self.log = _Log(self)
        self.journal = _Journal(self, f"j{number}")
        self.inputs = _Inputs(self)
        self.sender = _Sender(self)
        self.owner = ActOwner(
            self.log,
            self.inputs,
            _Customers(),
            {"smtp": self.sender, "webhook": self.sender, "log": self.sender},
            self.journal,
            POLICY,
            Links(b"k"),
            1,
            self,
            ActSettings(lease_seconds=3),
            monotonic=lambda: shared.seconds,
        )

    def now_ms(self) -> int:
        return self.shared.now

    async def effect(self) -> None:
        """Mark an effect; called before and after everything that others can see."""
        if self.frozen is not None:
            await self.frozen.wait()
        if self.dead:
            raise Killed
        self.shared.effects += 1
        fault = self.shared.faults.get(self.shared.effects)
        if fault == "kill":
            self.die()
            raise Killed
        if fault == "freeze":
            self.frozen = asyncio.Event()
            await self.frozen.wait()
            if self.dead:
                raise Killed

    def die(self) -> None:
        self.dead = True
        self.shared.alive.discard(self.journal.name)


class _Log:
    """A `LaneLog` of ``streamer.act.v1``."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._epoch = 0

    async def open(self) -> None:
        shared = self._process.shared
        shared.epoch += 1
        self._epoch = shared.epoch

    async def commit(self, writes: Writes, next_offset: int) -> int:
        await self._process.effect()
        shared = self._process.shared
        if shared.fenced and self._epoch != shared.epoch:
            raise Fenced("another owner")
        shared.records += [(write.key or b"", write.value) for write in writes[topics.ACT, 0]]
        await self._process.effect()
        return len(shared.records)

    async def changelog(self, start: int) -> AsyncIterator[list[tuple[int, bytes, bytes | None]]]:
        yield [(at, key, value) for at, (key, value) in enumerate(self._process.shared.records)]

    async def changelog_end(self) -> int:
        return len(self._process.shared.records)

    async def end_offset(self) -> int:
        return len(self._process.shared.orders)

    async def first_offset(self) -> int:
        return 0

    async def close(self) -> None:
        """Do nothing: nothing is open."""


class _Inputs:
    def __init__(self, process: Process) -> None:
        self._process = process
        self._at = 0

    async def open(self, starts: Mapping[Source, int]) -> None:
        self._at = starts.get((topics.CHANGES, 0), 0)

    async def poll(self, seconds: float) -> list[Fetched]:
        changes: Sequence[LogRecord] = self._process.shared.changes[self._at :]
        self._at += len(changes)
        return [Fetched((topics.CHANGES, 0), changes, self._at)] if changes else []

    async def ends(self, topic: str) -> dict[Source, int]:
        return {(topic, 0): len(self._process.shared.changes) if topic == topics.CHANGES else 0}

    async def close(self) -> None:
        """Do nothing: nothing is open."""


class _Customers:
    async def read(self, ids: Sequence[str]) -> dict[str, Seen]:
        return {id: Seen(customer(id), 10**9, NOON) for id in ids}

    async def clock(self) -> int:
        return NOON

    async def count(self) -> int:
        return 1_000


class _Journal:
    def __init__(self, process: Process, name: str) -> None:
        self.name = name
        self._process = process
        process.shared.journals[name] = {}
        process.shared.alive.add(name)

    async def begin(self, id: str, attempt: int) -> None:
        await self._process.effect()
        self._process.shared.journals[self.name][id, attempt] = None
        await self._process.effect()

    async def answered(self, id: str, attempt: int, answer: Answer) -> None:
        await self._process.effect()
        self._process.shared.journals[self.name][id, attempt] = answer
        await self._process.effect()

    def recall(self, journal: str, id: str, attempt: int) -> tuple[Begun, Answer | None]:
        shared = self._process.shared
        if journal in shared.alive:
            return "unknown", None
        lines = shared.journals[journal]
        if (id, attempt) not in lines:
            return "never", None
        answer = lines[id, attempt]
        return ("begun", None) if answer is None else ("answered", answer)

    def forget(self, journals: Iterable[str]) -> None:
        """Do nothing: all journals are kept."""

    def close(self) -> None:
        """Do nothing: nothing is open."""


class _Sender:
    """Both kinds of receivers. `called` counts effects by id, `mails` counts a mailbox's mails."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def send(self, channel: Channel, message: Message, rendered: Rendered, address: str, begun: Begin) -> Answer:
        await self._process.effect()
        if not await begun():
            return Answer("not_begun")
        await self._process.effect()
        shared = self._process.shared
        if channel.kind == "webhook":
            shared.called[message.id] += 1
        else:
            shared.mails[message.customer] += 1
            shared.codes.setdefault(rendered.parts["text"], set()).add(message.id)
        await self._process.effect()
        return Answer("sent", "ok")

    async def close(self) -> None:
        """Do nothing: nothing is open."""


CHANGES = 2
_TURNS = 12


def prepared(faults: Mapping[int, Fault]) -> Shared:
    """Return a world with two changes and the commands to start both plays."""
    shared = Shared(faults)
    segments = {name: None if ids is None else tuple(sorted(ids)) for name, ids in SEGMENTS.items()}
    for number, name in enumerate(("hook", "mail")):
        order: Any = {"action": "start", "play": name, "text": TEXT, "templates": TEMPLATES, "segments": segments}
        value, headers = encode_command(PlayCommand(**order))
        shared.orders.append(Record(0, number, NOON, command_key(), value, tuple(headers)))
    value, headers = encode_command(CouponsCommand(pool="back10", codes=tuple(f"code{n}" for n in range(CHANGES))))
    shared.orders.append(Record(0, len(shared.orders), NOON, command_key(), value, tuple(headers)))
    for number in range(CHANGES):
        change = Change(
            event_id=f"e{number}",
            customer_id=f"c{number}",
            seq=1,
            segmentation="lifecycle",
            from_segment=SegmentRef("loyal", "Loyal"),
            to_segment=SegmentRef("at_risk", "At risk"),
            cause="time",
            automation_safe=True,
            is_initial=False,
            changed_at=NOON + 90 * DAY,
            trigger=None,
            model=ModelRef("rules", 1),
        )
        shared.changes.append(Record(0, number, NOON, f"c{number}".encode(), encode_change(change, NOON), ()))
    return shared


async def live(process: Process) -> None:
    """Run turns of one process until it is idle, dead or frozen."""
    owner, shared = process.owner, process.shared
    at = await owner.open()
    for _ in range(_TURNS):
        if at < len(shared.orders):
            owner.offer(Batch(at, len(shared.orders), shared.orders[at:]))
            at = len(shared.orders)
        await owner.fetch(0)
        await owner.turn()
        await owner.calls_ended()
        shared.now += 20
        shared.seconds += 0.02


async def _run(faults: Mapping[int, Fault], kind: type[Process]) -> tuple[Shared, State]:
    # Calls of a killed process end with it, and nobody reads their results.
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    shared = prepared(faults)
    frozen: list[tuple[Process, asyncio.Task[None]]] = []
    for number in range(len(faults) + 2):
        process = kind(shared, number)
        task = asyncio.ensure_future(live(process))
        while not task.done() and process.frozen is None:
            await asyncio.sleep(0)
        if process.frozen is not None and not task.done():
            frozen.append((process, task))
            # This is longer than any lease, so another owner has been let in by then.
            shared.seconds += 60
        else:
            _ended(task)
            process.die()
        shared.now += 600_000
    # Let the frozen parts wake up and finish.
    shared.faults = {}
    for process, task in frozen:
        assert process.frozen is not None
        process.frozen.set()
        await asyncio.wait([task])
        _ended(task)
        process.die()
    last = kind(shared, 99)
    await live(last)
    return shared, last.owner.state


def _ended(task: asyncio.Task[None]) -> None:
    error = task.exception()
    if error is not None and not isinstance(error, Killed | Fenced):
        raise error


def run(faults: Mapping[int, Fault], kind: type[Process] = Process) -> list[str]:
    """Return the faults found in one schedule; empty if there are none."""
    shared, state = asyncio.run(_run(faults, kind))
    wrong = []
    hook, mail = state.ledger.plays["hook"], state.ledger.plays["mail"]
    if (hook.planned, mail.planned) != (CHANGES, CHANGES):
        wrong.append(f"planned {hook.planned} and {mail.planned}")
    if state.unaccounted():
        wrong.append("unaccounted")
    if hook.sent != CHANGES or len(shared.called) != CHANGES:
        wrong.append(f"webhooks: {hook.sent} sent, {dict(shared.called)}")
    if any(count > 1 for count in shared.mails.values()):
        wrong.append(f"mails: {dict(shared.mails)}")
    if not mail.sent <= len(shared.mails) <= mail.sent + mail.doubtful or mail.sent + mail.doubtful != CHANGES:
        wrong.append(f"mails lost: {mail.sent} sent, {mail.doubtful} doubtful, {len(shared.mails)} came")
    if any(len(messages) > 1 for messages in shared.codes.values()):
        wrong.append(f"a coupon was given twice: {shared.codes}")
    if (pool := state.coupons.pools().get("back10")) != (0, CHANGES, 0):
        wrong.append(f"coupons: {pool}")
    return wrong


def effects() -> int:
    """Return the number of effects of a run without faults."""
    shared, _ = asyncio.run(_run({}, Process))
    return shared.effects
