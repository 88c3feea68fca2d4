"""Both embedded servers of one home together: for a session, or kept between runs."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import UserError
from streamer.embedded import ownership
from streamer.embedded.broker import KAFKA_VERSION, Broker
from streamer.embedded.home import Progress, silent
from streamer.embedded.key_file import own_control_key
from streamer.embedded.lock import home_lock
from streamer.embedded.valkey import Valkey


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where clients find the servers.

    ``kafka`` is ``host:port``, ``redis`` a URL of database 0.
    """

    kafka: str
    redis: str
    kafka_version: str
    redis_version: str


@dataclass(frozen=True, slots=True)
class Status:
    """What runs in a home. ``kept`` says that it goes on when its starter ends."""

    home: Path
    kept: bool
    kafka_pid: int | None
    redis_pid: int | None
    addresses: Addresses | None
    """Given when both servers answer."""


class Services:
    """The two servers of one home."""

    def __init__(
        self,
        home: Path,
        *,
        progress: Progress = silent,
        persistent_redis: bool = True,
        kafka_overrides: Mapping[str, str] | None = None,
        warn: Progress = silent,
    ) -> None:
        self.home = home
        self.kafka = Broker(home, overrides=kafka_overrides, progress=progress)
        self.redis = Valkey(home, persistent=persistent_redis, warn=warn)

    @property
    def addresses(self) -> Addresses:
        """Stays the same when a server is killed and restarted."""
        return Addresses(self.kafka.address, self.redis.address, KAFKA_VERSION, self.redis.version)

    def answer(self) -> bool:
        """Whether both servers run and serve requests."""
        servers = (self.redis, self.kafka)
        return all(server.alive() for server in servers) and all(server.answers() for server in servers)

    def start(self, progress: Progress, *, keep: bool) -> None:
        """Start both, side by side, and return when both answer; on failure none that was started is left.

        Of a kept pair only what does not answer is started again. Whatever else an earlier run left is ended.
        """
        missing = [server for server in (self.redis, self.kafka) if not (keep and self._stands(server))]
        for server in missing:
            server.begin_stop()
        for server in missing:
            server.stop()
        try:
            progress(f"starting {' and '.join(server.title for server in missing)}")
            for server in missing:
                server.launch(keep=keep)
            for server in missing:
                server.await_ready()
        except BaseException:
            for server in missing:
                server.stop()
            raise

    def _stands(self, server: Broker | Valkey) -> bool:
        return server.kept and server.alive() and server.alone() and server.answers()

    def stand(self) -> bool:
        """Whether both are kept running, each once, and serve requests."""
        return self._stands(self.redis) and self._stands(self.kafka)

    def stop(self) -> bool:
        """End both; False if neither ran."""
        servers = (self.kafka, self.redis)
        ran = any(server.left() for server in servers)
        for server in servers:
            server.begin_stop()
        for server in servers:
            server.stop()
        return ran


@contextmanager
def running(
    home: Path,
    *,
    progress: Progress = silent,
    persistent_redis: bool = True,
    kafka_overrides: Mapping[str, str] | None = None,
    warn: Progress = silent,
) -> Generator[Services]:
    """Both servers, running inside the ``with`` block.

    They end with the block, and with this process however it ends, SIGKILL included. Servers
    that :func:`up` started in the same home are used as they are and not stopped. ``warn`` hears what somebody should know
    afterwards as well.

    Raises
    ------
    UserError
        Something does not start, or another process has this home in use.
    """
    home = home.resolve()
    with home_lock(home, progress, session=True) as release:
        own_control_key(home)
        services = Services(
            home,
            progress=progress,
            persistent_redis=persistent_redis,
            kafka_overrides=kafka_overrides,
            warn=warn,
        )
        if services.kafka.kept and services.answer():
            if kafka_overrides:
                raise UserError("servers with other settings are already running", "stop them with `streamer down`")
            release()
            yield services
            return
        services.start(progress, keep=False)
        try:
            yield services
        finally:
            services.stop()


def up(home: Path, progress: Progress = silent, warn: Progress = silent) -> Addresses:
    """Start both servers so that they run on when we end; where they run already, say where. Makes the control key.

    ``warn`` hears what somebody should know afterwards as well.
    """
    home = home.resolve()
    with home_lock(home, progress, session=False):
        own_control_key(home)
        services = Services(home, progress=progress, warn=warn)
        if not services.stand():
            services.start(progress, keep=True)
            if services.kafka.archive is not None and services.kafka.archive.making:
                progress("making later starts faster, once (about 6 s)")
                services.kafka.archive.wait()
        return services.addresses


def down(home: Path, progress: Progress = silent, stop_first: Callable[[], bool] = lambda: False) -> bool:
    """Stop what :func:`up` started; False if nothing ran.

    ``stop_first`` stops what works with the servers, and gives whether it ran. It is called under the lock of the home, so
    that nobody starts that again before the servers are gone.
    """
    home = home.resolve()
    if not ownership.holds_anything(home):
        return False
    with home_lock(home, progress, session=False):
        ran = stop_first()
        services = Services(home, progress=progress)
        if services.kafka.left() or services.redis.left():
            progress("stopping Kafka and Valkey")
        return services.stop() or ran


def check_alive(home: Path) -> None:
    """Raise UserError if one of the servers of a home has ended, with the last lines of its log."""
    services = Services(home.resolve())
    for server in (services.kafka, services.redis):
        if not server.alive():
            raise UserError(
                f"{server.title} has ended:\n{server.log_tail()}", f"see {server.log}; is there room on the disk?"
            )


def status(home: Path) -> Status:
    """What runs in ``home`` right now; starts nothing, waits for nothing."""
    services = Services(home.resolve())
    kafka, redis = services.kafka, services.redis
    return Status(
        home=services.home,
        kept=any(server.kept and server.alive() for server in (kafka, redis)),
        kafka_pid=kafka.pid if kafka.alive() else None,
        redis_pid=redis.pid if redis.alive() else None,
        addresses=services.addresses if services.answer() else None,
    )
