"""Log our code and the libraries, as JSON lines with ECS field names or readable on a terminal.

Everything is written to stderr, because ``--json`` results use stdout. Customer ids are hashed, and payloads are never
logged.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from schemas.screen_text import block, json_text, line
from streamer.telemetry.waking import PatientHandler

ECS_VERSION: Final = "8.11.0"
OURS: Final = ("streamer", "models", "schemas")
# Subclasses of Faust's classes, under whose names it logs.
FAUSTS: Final = "streamer.lanes.transport"

_GROUP_LIBRARIES: Final = frozenset({"aiokafka", "faust", "kafka", "mode"})

# Errors of a fenced producer's other futures. The first of them has already notified its lane of the fence.
_FENCES: Final = frozenset(
    {
        "ProducerFenced",
        "InvalidProducerEpoch",
        "InvalidProducerIdMapping",
        "OutOfOrderSequenceNumber",
        "UnknownProducerId",
    }
)
# Our short names with their ECS fields. Names without an ECS field are prefixed with ``streamer.``.
_ECS_NAMES: Final = {
    "event": "message",
    "level": "log.level",
    "timestamp": "@timestamp",
    "logger": "log.logger",
    "exception": "error.stack_trace",
    "error": "error.message",
    "error_type": "error.type",
}
_OF_SEVERAL_LINES: Final = frozenset({"exception", "stack"})
_ECS_FIRST: Final[tuple[str, ...]] = ("@timestamp", "log.level", "message", "ecs.version")


def configure(
    level: str = "info",
    form: Literal["auto", "json", "console"] = "auto",
    *,
    customer_ids: bool = False,
    hash_key: bytes | None = None,
    version: str = "",
    stream: TextIO | None = None,
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Set up logging for the process. May be called again; the last call wins.

    Parameters
    ----------
    level
        Minimum level of our own loggers; libraries log from ``warning`` on.
    form
        ``auto`` means ``console`` on a terminal, else ``json``.
    customer_ids
        Whether the value of the key ``customer_id`` is logged in clear.
    hash_key
        Key for hashing ids, the same in all workers. It keeps ids from being found by trial.
    stream
        Stream to write to; stderr by default.
    environ
        Searched for ``NO_COLOR`` (no-color.org).
    """
    out = sys.stderr if stream is None else stream
    terminal = out.isatty()
    # Shared by our own records and those of the standard library.
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        _Privacy(customer_ids, hash_key),
    ]
    if form == "json" or (form == "auto" and not terminal):
        last: list[Processor] = [
            _error_type,
            structlog.processors.format_exc_info,
            _Ecs(version),
            structlog.processors.JSONRenderer(default=str, ensure_ascii=False),
            lambda logger, method, rendered: json_text(str(rendered)),
        ]
    else:
        colors = terminal and not environ.get("NO_COLOR")
        last = [
            structlog.processors.format_exc_info,
            _one_line_each,
            structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback),
        ]
    handler = PatientHandler(out, _follows_from_leaving)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in OURS:
        logging.getLogger(name).setLevel(level.upper())
    logging.captureWarnings(True)
    asyncio_log = logging.getLogger("asyncio")
    if not any(isinstance(one, FenceNoise) for one in asyncio_log.filters):
        asyncio_log.addFilter(FenceNoise())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        # Loggers are created at import, before this call, and a test may call it again.
        cache_logger_on_first_use=False,
    )


def _follows_from_leaving(record: logging.LogRecord) -> bool:
    """Return whether a record is redundant once another process has taken a lane.

    This applies to records of the libraries behind the group membership, and to a lane's records with ``other_owner``,
    which report what another owner of the lane would leave. Other warnings of a lane, such as a failed step, are never
    held back.
    """
    package = record.name.partition(".")[0]
    if package == "asyncio":
        # A failed task of ours has its own cause.
        kind = record.exc_info[0] if record.exc_info else None
        return kind is None or issubclass(kind, OSError) or kind.__module__.startswith("aiokafka.")
    if package in _GROUP_LIBRARIES or record.name == FAUSTS:
        return True
    return isinstance(record.msg, dict) and record.msg.get("other_owner") is True


class FenceNoise(logging.Filter):
    """Drops asyncio's "Future exception was never retrieved" for aiokafka's fence exceptions.

    A fence fails every batch of the transaction, and the lane ends at the first. The others are not awaited, and
    aiokafka's sender task leaves one more. All other exceptions pass.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if "exception was never retrieved" not in record.getMessage() or not record.exc_info:
            return True
        kind = record.exc_info[0]
        return kind is None or kind.__name__ not in _FENCES or not kind.__module__.startswith("aiokafka.")


def hashed(customer_id: str, key: bytes | None = None) -> str:
    """Return the replacement for a customer id in logs. Equal ids have equal replacements.

    >>> hashed("17850") == hashed("17850"), hashed("17850") == hashed("17850", b"key"), len(hashed("17850"))
    (True, False, 17)
    """
    digest = hashlib.blake2b(
        customer_id.encode("utf-8", "replace"), digest_size=8, key=(key or b"")[:64], person=b"log"
    )
    return f"#{digest.hexdigest()}"


class _Privacy:
    """Hashes ``customer_id`` and replaces bytes, which are payloads, with their length."""

    def __init__(self, customer_ids: bool, key: bytes | None) -> None:
        self._plain = customer_ids
        self._key = key

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        for name, value in event.items():
            if isinstance(value, bytes | bytearray | memoryview):
                event[name] = f"<{len(value)} bytes>"
        if not self._plain and (id := event.get("customer_id")) is not None:
            event["customer_id"] = hashed(str(id), self._key)
        return event


def _one_line_each(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Keep values from controlling the terminal or forging a line; ``repr`` formats and escapes non-text values."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = block(value) if name in _OF_SEVERAL_LINES else line(value)
    return event


def _error_type(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Add the exception's class and text to its stack trace."""
    info = event.get("exc_info")
    if info is True:
        info = sys.exc_info()
    error = info if isinstance(info, BaseException) else info[1] if isinstance(info, tuple) else None
    if error is not None:
        event["error_type"] = type(error).__name__
        event.setdefault("error", str(error))
    return event


class _Ecs:
    """Renames fields to ECS, with the first ones in the specification's order."""

    def __init__(self, version: str) -> None:
        self._service: dict[str, str] = {"service.name": "streamer"}
        if version:
            self._service["service.version"] = version
        self._pid = os.getpid()

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> MutableMapping[str, Any]:
        named = {_ECS_NAMES.get(name) or f"streamer.{name}": value for name, value in event.items()}
        named["ecs.version"] = ECS_VERSION
        first = {name: named.pop(name) for name in _ECS_FIRST if name in named}
        return {**first, **self._service, "process.pid": self._pid, **named}
