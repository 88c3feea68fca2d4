"""The servers that a command or a page uses: the configured ones, or else the embedded ones.

Call ``with connections() as to:`` and read ``to.bootstrap``, ``to.lanes``, ``to.view`` (ledgers and customers;
``adapters.redis_reader.totals`` sums ledgers).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from schemas import topics
from schemas.errors import UserError
from streamer import embedded
from streamer.config.settings import Settings
from streamer.config.settings_checks import masked
from streamer.config.settings_sources import DEFAULT, variable
from streamer.embedded.home import Progress, silent

if TYPE_CHECKING:
    from models.rules.definitions import Definitions
    from streamer.adapters.kafka import KafkaConnection
    from streamer.adapters.redis_reader import ViewReader
    from streamer.core.policy import Policy


def is_default(in_force: Settings, field: str) -> bool:
    """Return whether a setting has its default."""
    name = variable(field)
    return any(one.name == name and one.origin == DEFAULT for one in in_force.in_force())


@dataclass(frozen=True)
class Connections:
    """Addresses and credentials of Kafka and Redis.

    Attributes
    ----------
    embedded
        Addresses of the embedded servers in use; None if both servers are configured.
    """

    settings: Settings
    embedded: embedded.Addresses | None = None
    _closing: list[Any] = field(default_factory=list)

    @cached_property
    def kafka(self) -> KafkaConnection:
        """The connection to Kafka.

        Names of groups and transactions include the topic prefix, so that parallel services do not collide.
        """
        from dataclasses import replace

        from streamer.adapters.record_batches import LIMIT

        LIMIT.max_batch_bytes = self.settings.max_batch_bytes
        connection = self.settings.kafka_connection(self.embedded_kafka)
        return replace(connection, group=topics.full_name(self.settings.group, self.settings.topic_prefix))

    @property
    def embedded_kafka(self) -> str | None:
        """Address of the embedded Kafka if it is in use."""
        return None if self.settings.kafka or self.embedded is None else self.embedded.kafka

    @property
    def embedded_redis(self) -> str | None:
        """URL of the embedded Valkey if it is in use."""
        return None if self.settings.redis or self.embedded is None else self.embedded.redis

    @property
    def wanted_lanes(self) -> int | None:
        """The configured number of lanes; None if it is not configured, so that an existing topic determines it."""
        return None if is_default(self.settings, "lanes") else self.settings.lanes

    @cached_property
    def definitions(self) -> Definitions:
        """The declared segmentations in force: the newest version in any lane, else the built-in ones."""
        from models.rules.declared import load

        newest = self.view.definitions()
        return self.settings.policy().definitions if newest is None else load(newest[1], newest[0])

    @property
    def policy(self) -> Policy:
        """The policy on which decisions currently depend."""
        from dataclasses import replace

        return replace(self.settings.policy(self.lanes), definitions=self.definitions)

    @property
    def bootstrap(self) -> str:
        """``host:port`` of Kafka, several separated by commas."""
        return self.kafka.bootstrap

    @property
    def security(self) -> Mapping[str, Any]:
        """Options that aiokafka's and kafka-python's clients share."""
        return self.kafka.security

    @property
    def redis_url(self) -> str:
        return self.settings.redis_connection(self.embedded_redis)[0]

    @property
    def redis_options(self) -> dict[str, Any]:
        """Options of the Redis client that are not part of the URL."""
        return self.settings.redis_connection(self.embedded_redis)[1]

    @property
    def view_place(self) -> str:
        """The Redis URL with secrets masked."""
        return str(masked(self.redis_url))

    @property
    def redis_prefix(self) -> str:
        """The prefix of the view's keys: the consumer group's name with the topic prefix."""
        return self.kafka.group

    @property
    def service(self) -> str:
        """Identity of the servers, the release and the settings; equal in all processes of the same service."""
        from hashlib import sha256

        from streamer import __version__

        of = self.settings
        parts = (__version__, self.bootstrap, self.kafka.group, self.view_place, of.timezone, of.currency, of.language)
        return sha256(repr((*parts, of.topic_prefix, of.half_life_days)).encode()).hexdigest()

    @cached_property
    def lanes(self) -> int:
        """The number of lanes of the input topic. Raises UserError if there is no such topic."""
        from streamer.adapters.topics import lane_count

        found = lane_count(self.bootstrap, self.kafka.prefix, security=self.security)
        if found is None:
            raise UserError(
                f"topic not found: {self.kafka.topic(topics.EVENTS)} at {self.bootstrap}",
                "create it with `streamer topics create`, or start a worker with `streamer worker`",
            )
        return found

    @cached_property
    def view(self) -> ViewReader:
        """The readable view of all lanes in Redis. Raises UserError if Redis does not answer."""
        from streamer.adapters.redis_reader import ViewReader

        reader = ViewReader(self.redis_url, self.redis_prefix, self.lanes, self.redis_options)
        self._closing.append(reader)
        return reader

    def arguments(self) -> list[str]:
        """Return the flags that point a child process to the same embedded servers; see ``streamer.runtime.process``."""
        found = {"--kafka": self.embedded_kafka, "--redis": self.embedded_redis}
        return [text for flag, value in found.items() if value is not None for text in (flag, value)]

    def close(self) -> None:
        while self._closing:
            self._closing.pop().close()


@contextmanager
def connections(
    in_force: Settings | None = None, *, own: bool = False, progress: Progress = silent
) -> Generator[Connections]:
    """Provide the servers that a command uses, for the duration of the block.

    Configured servers take precedence. For a server that is not configured, the embedded one is used if it runs, or
    else started for the block if ``own`` is true.

    Raises
    ------
    UserError
        A server is neither configured nor running, and must not be started.
    """
    found = Settings.load() if in_force is None else in_force
    if found.kafka and found.redis:
        made = Connections(found)
        try:
            yield made
        finally:
            made.close()
        return
    with _embedded(found, own, progress) as addresses:
        # All processes of such a service share the home folder. Its key may be newer than these settings or, if the
        # servers have run since the last release, missing.
        made = Connections(found.with_own_key(), addresses)
        try:
            yield made
        finally:
            made.close()


@contextmanager
def _embedded(found: Settings, own: bool, progress: Progress) -> Iterator[embedded.Addresses]:
    running = embedded.status(found.home).addresses
    if running is not None:
        yield running
    elif own:
        with embedded.running(found.home, progress=progress, warn=progress) as services:
            yield services.addresses
    else:
        missing = "no Kafka and no Redis are" if not (found.kafka or found.redis) else "no Redis is"
        names = "STREAMER_KAFKA and STREAMER_REDIS"
        if found.redis:
            missing = "no Kafka is"
        if found.kafka or found.redis:
            names = "STREAMER_REDIS" if found.kafka else "STREAMER_KAFKA"
        raise UserError(
            f"{missing} set, and the embedded ones are not running in {found.home}",
            f"run `streamer up`, or set {names}",
        )
