"""Run both embedded servers of a home, for a session or kept between runs."""

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
    """Addresses of the servers for clients.

    ``kafka`` is ``host:port``; ``redis`` is a URL of database 0.
    """

    kafka: str
    redis: str
    kafka_version: str
    redis_version: str


@dataclass(frozen=True, slots=True)
class Status:
    """The servers running in a home. ``kept`` means that they outlive the process that started them."""

    home: Path
    kept: bool
    kafka_pid: int | None
    redis_pid: int | None
    addresses: Addresses | None
    """Set if both servers answer."""


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
        """Addresses, which do not change when a server is killed and restarted."""
        return Addresses(self.kafka.address, self.redis.address, KAFKA_VERSION, self.redis.version)

    def answer(self) -> bool:
        """Return whether both servers run and serve requests."""
        servers = (self.redis, self.kafka)
        return all(server.alive() for server in servers) and all(server.answers() for server in servers)

    def start(self, progress: Progress, *, keep: bool) -> None:
        """Start both concurrently, and return when both answer. On failure, stop all that were started.

        Kept servers that answer are not restarted. Leftovers of an earlier run are ended.
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
        """Return whether both are kept running, exactly once each, and serve requests."""
        return self._stands(self.redis) and self._stands(self.kafka)

    def stop(self) -> bool:
        """Stop both. Return False if neither ran."""
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
    """Run both servers for the ``with`` block.

    They end with the block and with this process, however it ends, including by SIGKILL. Servers that :func:`up` started
    in the same home are used as they are and not stopped. ``warn`` receives lines that should also be seen afterwards.

    Raises
    ------
    UserError
        A server does not start, or another process uses this home.
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
                raise UserError(
                    "the embedded servers are already running with other settings", "stop them with `streamer down`"
                )
            release()
            yield services
            return
        services.start(progress, keep=False)
        try:
            yield services
        finally:
            services.stop()


def up(home: Path, progress: Progress = silent, warn: Progress = silent) -> Addresses:
    """Start both servers so that they outlive this process, and return their addresses. Also creates the control key.

    Servers that already run are not restarted. ``warn`` receives lines that should also be seen afterwards.
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
    """Stop the servers that :func:`up` started. Return False if none ran.

    ``stop_first`` stops the programs that use the servers, and returns whether they ran. It is called under the home's
    lock, so that nobody restarts them before the servers are gone.
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
    """Raise UserError, with the last lines of its log, if one of a home's servers has ended."""
    services = Services(home.resolve())
    for server in (services.kafka, services.redis):
        if not server.alive():
            raise UserError(
                f"{server.title} exited unexpectedly:\n{server.log_tail()}",
                (f"see {server.log}, and check that the disk is not full"),
            )


def status(home: Path) -> Status:
    """Return the servers now running in ``home``. Starts nothing and does not wait."""
    services = Services(home.resolve())
    kafka, redis = services.kafka, services.redis
    return Status(
        home=services.home,
        kept=any(server.kept and server.alive() for server in (kafka, redis)),
        kafka_pid=kafka.find(),
        redis_pid=redis.find(),
        addresses=services.addresses if services.answer() else None,
    )
