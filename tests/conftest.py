"""The embedded servers, one pair for all integration tests."""

from __future__ import annotations

import itertools
import os
import signal
import uuid
import warnings
from collections.abc import Generator, Iterator

import pytest
import redis
from hypothesis import HealthCheck, settings
from secured import Secured, prepare

from streamer.embedded import Addresses, Services, running

with warnings.catch_warnings():
    # kafka-python reads its own schemas with a call that Python 3.11 and 3.12 call deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    import kafka.admin  # noqa: F401

# Where the tests run in the background of a script, as many CI runners do it, SIGINT is ignored, and so it would be in every
# process that a test starts. They send Ctrl-C to programs that stand for one in the foreground of a terminal.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# In a fresh checkout the first text that Hypothesis draws builds its tables of Unicode, for seconds on a busy machine; nor is an
# example wrong that takes long there.
settings.register_profile("streamer", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("streamer")

# No test reads or writes the home of the person who runs it: a control key there would be found by every test after it. A file
# stands where the folder of homes would be, so that a test that forgets to name a home of its own fails.
os.environ["XDG_DATA_HOME"] = os.devnull

_DATABASES = itertools.cycle(range(1, 16))


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Secured:
    """The ports of these servers that ask for TLS and passwords."""
    return prepare(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def services(secured: Secured, tmp_path_factory: pytest.TempPathFactory) -> Generator[Services]:
    """A real Kafka and a real Valkey in a folder of their own, for the whole session.

    A test that kills one of them starts it again before it ends.
    """
    with running(
        tmp_path_factory.mktemp("streamer"),
        persistent_redis=False,
        kafka_overrides=secured.kafka_overrides,
    ) as started:
        yield started


@pytest.fixture
def addresses(services: Services) -> Addresses:
    return services.addresses


@pytest.fixture
def prefix() -> str:
    """A topic prefix that no other test has, and a name for groups and Redis keys."""
    return f"t{uuid.uuid4().hex[:10]}"


@pytest.fixture
def redis_url(addresses: Addresses) -> Iterator[str]:
    """The address of an empty database of its own."""
    url = f"{addresses.redis.rpartition('/')[0]}/{next(_DATABASES)}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield url
        client.flushdb()
