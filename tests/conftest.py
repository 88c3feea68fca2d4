"""Start the embedded servers, one pair for all integration tests."""

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
    # kafka-python reads its own schemas with a call that Python 3.11 and 3.12 deprecate.
    warnings.simplefilter("ignore", DeprecationWarning)
    import kafka.admin  # noqa: F401

# Where a script runs the tests in the background, as many CI runners do, SIGINT is ignored, and would be in every
# process that a test starts. Tests send Ctrl-C to programs that represent a terminal's foreground.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# In a fresh checkout, the first text that Hypothesis draws builds its Unicode tables, for seconds on a busy machine; a
# slow example is not wrong either.
settings.register_profile("streamer", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("streamer")

# No test reads or writes the home of the person who runs it: every later test would find a control key there. The
# folder of homes is a file, so that a test that forgets to name its own home fails.
os.environ["XDG_DATA_HOME"] = os.devnull

_DATABASES = itertools.cycle(range(1, 16))


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Secured:
    """Ports of these servers that require TLS and passwords."""
    return prepare(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def services(secured: Secured, tmp_path_factory: pytest.TempPathFactory) -> Generator[Services]:
    """Start a real Kafka and Valkey in a separate folder, for the whole session.

    A test that kills one of them restarts it before it ends.
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
    """Return a topic prefix that no other test uses, also a name for groups and Redis keys."""
    return f"t{uuid.uuid4().hex[:10]}"


@pytest.fixture
def redis_url(addresses: Addresses) -> Iterator[str]:
    """Return the address of an empty database."""
    url = f"{addresses.redis.rpartition('/')[0]}/{next(_DATABASES)}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield url
        client.flushdb()
