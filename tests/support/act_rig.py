"""Run act on real servers: changes written as lanes write them, customers in the view, receivers that count.

Lanes do not run here: the view claims that each has read everything. Tests of the whole chain also run lanes.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import redis
from aiohttp import web
from aiokafka import AIOKafkaProducer
from aiosmtpd.controller import Controller
from standardwebhooks import Webhook

from models.customer.customer import Customer, Membership
from models.customer.profile import Profile
from models.customer.snapshot import dump
from models.rules.defaults import DEFAULTS
from schemas import topics
from schemas.act import CouponsCommand, PlayCommand, command_key, encode_command
from schemas.changes import Change, ModelRef, SegmentRef, change_headers, encode_change
from schemas.partition import partition_for
from schemas.records import Headers
from streamer.act import store
from streamer.act.heart.state import State
from streamer.act.plays.declared import segments_of
from streamer.adapters.kafka import KafkaConnection, Offsets, read_committed
from streamer.adapters.redis_keys import LaneKeys
from streamer.adapters.topics import create_topics
from streamer.core.ledger import Ledger
from streamer.core.ledger import dump as dump_ledger
from streamer.embedded import Addresses

SECRET = "whsec_" + base64.b64encode(b"a secret of twenty-four b").decode()
ACT = ("-m", "streamer.runtime.process", "act")
PATIENCE_SECONDS = 240.0
"""Seconds to wait. A process alone takes half a minute to start where eight others share the same two cores."""
LINK_KEY = "0123456789abcdef0123456789abcdef"
SEGMENTS = {name: None if ids is None else tuple(sorted(ids)) for name, ids in segments_of(DEFAULTS).items()}

TEMPLATES = {
    "letter.en.subject": "Hello {{ customer.id }}",
    "letter.en.text": "{{ why }} {{ shop.name }}, {{ shop.address }}. Leave: {{ unsubscribe_url }}",
    "letter.en.html": "<p>{{ why }}</p><p>{{ shop.name }}, {{ shop.address }}, {{ unsubscribe_url }}</p>",
}


COUPON = 'coupon = { pool = "back10", valid = "14 days" }'
"""Coupon for ``letter``, whose templates show it."""
WITH_COUPON = {
    name: text if name.endswith("subject") else text + " Code {{ coupon.code }}." for name, text in TEMPLATES.items()
}


def plays(hook: str, mail_port: int, **more: Any) -> str:
    """Return a file with a webhook play and a mail play that react to the same change, without effective limits."""
    doubt = more.get("doubt", "skip")
    kind = "marketing" if doubt == "skip" else "service"
    wait = f'wait = "{more["wait"]}"' if "wait" in more else ""
    return f"""
[shop]
name = "Lamp & Leaf"
address = "1 Leaf Street, 10115 Berlin"
web = "https://hello.lampleaf.example"

[limits]
per_customer = ["1000 a day"]
quiet = "none"
storm = "100 % of customers in 1 hour"

[channels.shop]
kind = "webhook"
url = "{hook}"

[channels.mail]
kind = "smtp"
host = "127.0.0.1"
port = {mail_port}
from = "Lamp & Leaf <hello@lampleaf.example>"
tls = "none"

[plays.hook]
when = {{ segmentation = "lifecycle", to = ["at_risk"] }}
again = "0 seconds"
holdout = 0
channel = "shop"
{wait}

[plays.letter]
when = {{ segmentation = "lifecycle", to = ["at_risk"] }}
again = "0 seconds"
holdout = 0
kind = "{kind}"
when_in_doubt = "{doubt}"
channel = "mail"
{wait}
{more.get("letter", "")}
"""


async def abort_connections(servers: Iterable[Any]) -> None:
    """Accept no more connections, and abort those of the running loop.

    The servers are closed only afterwards: asyncio leaks a connection that was accepted just before its server closed.
    """
    loop: Any = asyncio.get_running_loop()
    for server in servers:
        for listening in server.sockets:
            loop.remove_reader(listening.fileno())
    await asyncio.sleep(0.02)
    for transport in list(loop._transports.values()):
        transport.abort()
    await asyncio.sleep(0.02)


class Receiver:
    """An HTTP receiver of webhooks in a thread. Verifies each call and counts what takes effect once."""

    def __init__(self, seed: int = 1, slowest: float = 0.06, failing: float = 0.05) -> None:
        self.effects: Counter[str] = Counter()
        self.repeats = 0
        self.bad = 0
        self._tried: set[str] = set()
        self._random = random.Random(seed)
        self._slowest, self._failing = slowest, failing
        self._hook = Webhook(SECRET)
        self._loop = asyncio.new_event_loop()
        self._port: int = free_port()
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.start()

    def __enter__(self) -> Receiver:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/hook"

    def start(self) -> None:
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)

    def stop(self) -> None:
        """Close all connections and stop listening."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)

    def close(self) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _start(self) -> None:
        app = web.Application()
        app.router.add_post("/hook", self._take)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        self._site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await self._site.start()

    async def _stop(self) -> None:
        if self._runner is not None and self._site is not None:
            await abort_connections([self._site._server])
            await self._runner.cleanup()
            self._runner = None

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        try:
            self._hook.verify(body, dict(request.headers))
        except Exception:
            self.bad += 1
            return web.Response(status=400)
        await asyncio.sleep(self._random.uniform(0, self._slowest / 2))
        id = request.headers["webhook-id"]
        # Only the first call of a message fails, because the next pause would be five minutes.
        if id not in self._tried and self._random.random() < self._failing:
            self._tried.add(id)
            return web.Response(status=503)
        self._tried.add(id)
        if id in self.effects:
            self.repeats += 1
        self.effects[id] = 1
        await asyncio.sleep(self._random.uniform(0, self._slowest / 2))
        return web.Response(status=204)


class _Controller(Controller):
    """A mail server that closes its connections when it stops."""

    def stop(self, *args: Any, **more: Any) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self.loop).result(10)
        super().stop(*args, **more)

    async def _close(self) -> None:
        if self.server is not None:
            await abort_connections([self.server])
            self.server.close()


class Postbox:
    """A real SMTP server that counts mails by Message-ID."""

    def __init__(self, seed: int = 1, slowest: float = 0.06) -> None:
        self.mails: Counter[str] = Counter()
        self.letters: list[bytes] = []
        self._random = random.Random(seed)
        self._slowest = slowest
        self.port = free_port()
        self._controller: _Controller | None = None
        self.start()

    def __enter__(self) -> Postbox:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> None:
        self._controller = _Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def stop(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        await asyncio.sleep(self._random.uniform(0, self._slowest / 2))
        head = envelope.content.decode().split("\r\n\r\n")[0]
        id = next(line for line in head.split("\r\n") if line.lower().startswith("message-id:"))
        self.mails[id.partition("<")[2].partition("@")[0]] += 1
        self.letters.append(envelope.content)
        await asyncio.sleep(self._random.uniform(0, self._slowest / 2))
        return "250 taken"


class ActService:
    """Act processes of one topic prefix, which can be killed and restarted."""

    def __init__(
        self, addresses: Addresses, redis_url: str, prefix: str, folder: Path, *, lanes: int = 2, **settings: str
    ) -> None:
        self.lanes = lanes
        self.clock = 10**15
        self.prefix = prefix
        self.connection = KafkaConnection(addresses.kafka, prefix=prefix)
        self.folder = folder
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("STREAMER_")},
            "STREAMER_KAFKA": addresses.kafka,
            "STREAMER_REDIS": redis_url,
            "STREAMER_TOPIC_PREFIX": prefix,
            "STREAMER_HOME": str(folder / "home"),
            "STREAMER_ACT_METRICS_PORT": "0",
            "STREAMER_SESSION_SECONDS": "2",
            "STREAMER_LOG_FORMAT": "json",
            "STREAMER_WEBHOOK_SECRETS": f"shop={SECRET}",
            "STREAMER_LINK_KEY": LINK_KEY,
            **settings,
        }
        self.redis = redis.Redis.from_url(redis_url)
        self.processes: list[subprocess.Popen[bytes]] = []
        create_topics(addresses.kafka, prefix=prefix, lanes=lanes)

    def __enter__(self) -> ActService:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    # -- processes --------------------------------------------------------------------------------------------

    def start(self, program: Sequence[str] = ACT, **more: str) -> subprocess.Popen[bytes]:
        """Start another process."""
        path = self.folder / f"act-{len(self.processes)}.log"
        with path.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, *program],
                env={**self.environment, **more},
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        return process

    def start_dying(self, point: int, after: int = 0) -> subprocess.Popen[bytes]:
        """Start another process, which kills or freezes itself at a point of `act_dying`."""
        program = str(Path(__file__).with_name("act_dying.py"))
        return self.start((program, "act"), ACT_DIE=str(point), ACT_DIE_AFTER=str(after))

    def struck(self, process: subprocess.Popen[bytes]) -> bool:
        """Return whether a process is gone or frozen."""
        if process.poll() is not None:
            return True
        with suppress(OSError):
            return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
        return True

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        process.send_signal(signal.SIGKILL)
        process.wait(20)

    def close(self) -> None:
        for process in self.processes:
            with suppress(ProcessLookupError):
                process.kill()
        for process in self.processes:
            process.wait(20)
        self.redis.close()

    def logs(self) -> str:
        return "\n".join(
            f"== {path.name}\n{path.read_text()[-3000:]}" for path in sorted(self.folder.glob("act-*.log"))[-3:]
        )

    # -- what goes in -----------------------------------------------------------------------------------------

    def know(self, ids: Iterable[str], traits: Callable[[str], Mapping[str, Any]] | None = None) -> None:
        """Put customers into the view as lanes do; each lane has read everything."""
        self.tick()
        pipe = self.redis.pipeline(transaction=False)
        for id in ids:
            customer = Customer(id, (0, 0), 0)
            customer.segments["lifecycle"] = Membership("at_risk", 0)
            customer.profile = Profile()
            known = {"email": f"{id}@example.org"} if traits is None else traits(id)
            customer.profile.merge_traits(known, 1, b"")
            customer.profile_dirty = True
            parts: Any = dump(customer, b"")
            keys = self._keys(partition_for(id.encode(), self.lanes))
            pipe.hset(keys.parts(id), mapping=parts)
            pipe.zadd(keys.ids, {id: 0})
        pipe.execute()

    def tick(self, now: int | None = None) -> None:
        """Let each lane have read everything up to an instant (ms), which is act's time with ``STREAMER_CLOCK=event``."""
        self.clock = now or self.clock
        for lane in range(self.lanes):
            ledger = Ledger.fresh(lane)
            ledger.next_offset, ledger.clock, ledger.customers = 10**12, self.clock, 10_000
            self.redis.set(self._keys(lane).ledger, dump_ledger(ledger))

    def _keys(self, lane: int) -> LaneKeys:
        return LaneKeys(f"{self.prefix}.streamer", lane)

    def order(self, action: str, play: str, **more: Any) -> None:
        """Send a command to act."""
        command = PlayCommand.model_validate({"action": action, "play": play, **more})
        value, headers = encode_command(command)
        self.write(topics.ACT, [(command_key(), value, headers)], every_lane=False)

    def load(self, pool: str, codes: Iterable[str]) -> None:
        """Load codes into a pool."""
        value, headers = encode_command(CouponsCommand(pool=pool, codes=tuple(codes)))
        self.write(topics.ACT, [(command_key(), value, headers)], every_lane=False)

    def begin(self, text: str, *names: str, templates: Mapping[str, str] = TEMPLATES) -> None:
        """Start plays of a file, and wait until they run."""
        for name in names:
            self.order("start", name, text=text, templates=dict(templates), segments=SEGMENTS)
        self.wait(lambda: set(names) <= {n for n, p in self.state().ledger.plays.items() if p.status == "running"})

    def change(self, ids: Iterable[str], seq: int = 1, **more: Any) -> list[str]:
        """Publish that customers became at risk, and return the events' ids."""
        values = []
        for id in ids:
            change = changed(id, seq, **more)
            value = encode_change(change, change.changed_at)
            values.append((id.encode(), value, change_headers(change)))
        self.write(topics.CHANGES, values)
        return [changed(id, seq, **more).event_id for id in ids]

    def write(
        self, topic: str, records: Iterable[tuple[bytes, bytes | None, Headers]], every_lane: bool = True
    ) -> None:
        """Write records, each to the lane of its key."""
        asyncio.run(self._write(topic, list(records), self.lanes if every_lane else 1))

    async def _write(self, topic: str, records: list[tuple[bytes, bytes | None, Headers]], lanes: int) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.connection.bootstrap, linger_ms=5, acks="all")
        await producer.start()
        try:
            name = self.connection.topic(topic)
            sent = [
                await producer.send(name, value, key=key, partition=partition_for(key, lanes), headers=list(headers))
                for key, value, headers in records
            ]
            await asyncio.gather(*sent)
        finally:
            await producer.stop()

    # -- what comes out ---------------------------------------------------------------------------------------

    def state(self) -> State:
        """Return the state in act's own topic."""
        state = State()
        store.restore(((record.key, record.value) for record in self.records(topics.ACT, 0)), state)
        return state

    def steps(self) -> list[dict[str, Any]]:
        """Return all published steps of messages."""
        return [json.loads(one.value) for lane in range(self.lanes) for one in self.records(topics.MESSAGES, lane)]

    def records(self, topic: str, partition: int) -> list[Any]:
        return asyncio.run(self._records(topic, partition))

    async def _records(self, topic: str, partition: int) -> list[Any]:
        offsets = Offsets(self.connection)
        await offsets.start()
        try:
            end, first = await offsets.stable(topic, partition), await offsets.first(topic, partition)
        finally:
            await offsets.stop()
        return [r async for chunk in read_committed(self.connection, topic, partition, first, end) for r in chunk]

    def done(self, planned: int) -> bool:
        """Return whether ``planned`` messages were planned and none is in progress any more."""
        state = self.state()
        waiting = [one for one in state.messages.values() if one.status in ("waiting", "sending")]
        return sum(one.planned for one in state.ledger.plays.values()) == planned and not waiting

    def wait(self, done: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline, f"not done after {seconds} s\n{self.logs()}"
            time.sleep(0.1)


def changed(id: str, seq: int = 1, **more: Any) -> Change:
    """Return a change to ``at_risk`` that is safe to act on."""
    now = int(time.time() * 1000)
    fields: dict[str, Any] = {
        "event_id": f"{id}-{seq}",
        "customer_id": id,
        "seq": seq,
        "segmentation": "lifecycle",
        "from_segment": SegmentRef("loyal", "Loyal"),
        "to_segment": SegmentRef("at_risk", "At risk"),
        "cause": "time",
        "automation_safe": True,
        "is_initial": False,
        "changed_at": now,
        "trigger": None,
        "model": ModelRef("rules", 1),
    }
    return Change(**{**fields, **more})


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
