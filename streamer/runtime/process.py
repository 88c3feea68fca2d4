"""Run a worker process: ``python -m streamer.runtime.process ROLE``, as started by the supervisor."""

from __future__ import annotations

import argparse
import logging
import sys

from schemas import topics
from schemas.errors import TransientError, UserError
from schemas.screen_text import block
from streamer import __version__
from streamer.adapters import record_batches
from streamer.config.settings import Settings
from streamer.runtime import last_error, supervise
from streamer.runtime.roles import ROLES, Start
from streamer.telemetry import logs


def main(arguments: list[str] | None = None) -> int:
    """Run one role until it is stopped, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m streamer.runtime.process", description=__doc__)
    parser.add_argument("role", choices=tuple(ROLES))
    parser.add_argument("--kafka", help="address of the embedded Kafka, used where STREAMER_KAFKA is not set")
    parser.add_argument("--redis", help="URL of the embedded Valkey, used where STREAMER_REDIS is not set")
    parser.add_argument("--follow-parent", action="store_true", help="end when standard input does")
    parser.add_argument("--fenced", type=int, default=0, help="transactions of earlier processes that were fenced")
    parser.add_argument("--unknown", type=int, default=0, help="transactions of earlier processes with an unknown end")
    given = parser.parse_args(arguments)
    if given.follow_parent:
        supervise.follow_parent()
    settings: Settings | None = None
    try:
        settings = Settings.load()
        run(settings, given.role, Start(given.kafka, given.redis, {"fenced": given.fenced, "unknown": given.unknown}))
    except TransientError as error:
        _note(settings, error)
        print(f"error: {block(str(error))}", file=sys.stderr)
        return 1
    except UserError as error:
        _note(settings, error)
        print(block(f"error: {error.message}\n{error.hint}".rstrip()), file=sys.stderr)
        return supervise.EXIT_MISTAKE
    return 0


def _note(settings: Settings | None, error: Exception) -> None:
    if settings is not None:
        last_error.note(topics.full_name(settings.group, settings.topic_prefix), " ".join(str(error).split()))


def run(settings: Settings, role: str, start: Start | None = None) -> None:
    """Run one role in this process until SIGTERM or SIGINT. Raises the errors of `roles.Program`."""
    logs.configure(
        settings.log_level,
        settings.log_format,
        customer_ids=settings.log_customer_ids,
        hash_key=settings.log_key,
        version=__version__,
    )
    # Faust logs the start and stop of each of its parts under the names of our subclasses.
    logging.getLogger(logs.FAUSTS).setLevel(logging.WARNING)
    record_batches.LIMIT.max_batch_bytes = settings.max_batch_bytes
    ROLES[role].load()(settings, start or Start())


if __name__ == "__main__":
    sys.exit(main())
