"""Test logs: ECS names, what is hidden, and what libraries may log."""

from __future__ import annotations

import asyncio
import gc
import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from aiokafka.errors import KafkaTimeoutError, ProducerFenced

from streamer.telemetry import logs


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    names = ["", "asyncio", *logs.OURS]
    before = [(logging.getLogger(n), list(logging.getLogger(n).handlers), logging.getLogger(n).level) for n in names]
    yield
    logging.captureWarnings(False)
    structlog.reset_defaults()
    for logger, handlers, level in before:
        logger.handlers[:], logger.filters[:] = handlers, []
        logger.setLevel(level)


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def configured(**more: Any) -> io.StringIO:
    out = io.StringIO()
    logs.configure(stream=out, **more)
    return out


def test_a_line_has_the_names_of_ecs() -> None:
    out = configured(version="1.2.3")
    structlog.get_logger("streamer.lanes.lane").info("restored", lane=3, error="away")
    (line,) = lines(out)
    assert list(line)[:4] == ["@timestamp", "log.level", "message", "ecs.version"]
    assert line["@timestamp"].endswith("Z")
    assert (line["log.level"], line["message"], line["log.logger"]) == ("info", "restored", "streamer.lanes.lane")
    assert (line["service.name"], line["service.version"]) == ("streamer", "1.2.3")
    assert (line["streamer.lane"], line["error.message"]) == (3, "away")


def test_an_exception_is_logged_with_type_text_and_trace() -> None:
    out = configured()
    try:
        raise KeyError("gone")
    except KeyError:
        structlog.get_logger("streamer.lanes.lane").exception("it broke")
    (line,) = lines(out)
    assert (line["error.type"], line["error.message"]) == ("KeyError", "'gone'")
    assert "Traceback" in line["error.stack_trace"]


def test_customer_ids_are_hashed_unless_set() -> None:
    out = configured()
    log = structlog.get_logger("streamer.lanes.lane")
    log.info("moved", customer_id="17850")
    log.info("moved", customer_id="17850")
    assert "17850" not in out.getvalue()
    first, second = (line["streamer.customer_id"] for line in lines(out))
    assert first == second == logs.hashed("17850")
    keyed = configured(hash_key=b"key")
    log.info("moved", customer_id="17850")
    assert lines(keyed)[0]["streamer.customer_id"] not in (first, "17850")
    plain = configured(customer_ids=True)
    log.info("moved", customer_id="17850")
    assert lines(plain)[0]["streamer.customer_id"] == "17850"


def test_bytes_are_payloads_and_are_not_logged() -> None:
    out = configured()
    structlog.get_logger("streamer.lanes.lane").warning("refused", value=b'{"secret": 1}')
    assert lines(out)[0]["streamer.value"] == "<13 bytes>"


def test_our_level_is_set_and_libraries_speak_from_warning_on(monkeypatch: pytest.MonkeyPatch) -> None:
    # The command line silences this logger permanently, and other tests of this process run it.
    monkeypatch.setattr(logging.getLogger("kafka"), "level", logging.NOTSET)
    logging.getLogger("kafka").manager._clear_cache()  # type: ignore[attr-defined]
    out = configured(level="debug")
    structlog.get_logger("models.rules.assign").debug("ours")
    for library in ("faust.app", "aiokafka.consumer", "kafka.client", "asyncio"):
        logging.getLogger(library).info("chatter")
        logging.getLogger(library).warning("careful: %d", 1)
    found = [(line["log.logger"], line["message"]) for line in lines(out)]
    assert found[0] == ("models.rules.assign", "ours")
    assert found[1:] == [(name, "careful: 1") for name in ("faust.app", "aiokafka.consumer", "kafka.client", "asyncio")]
    quiet = configured(level="error")
    structlog.get_logger("streamer.lanes.lane").warning("not now")
    assert quiet.getvalue() == ""


def test_configuring_again_replaces_and_does_not_repeat() -> None:
    configured()
    out = configured()
    structlog.get_logger("streamer.lanes.lane").info("once")
    assert len(lines(out)) == 1


def test_warnings_of_python_become_lines() -> None:
    out = configured()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert "old" in lines(out)[0]["message"]


def test_a_terminal_gets_readable_lines_with_colors_unless_no_color() -> None:
    colored, plain = Terminal(), Terminal()
    logs.configure(stream=colored, environ={})
    structlog.get_logger("streamer.lanes.lane").info("hello", lane=1)
    logs.configure(stream=plain, environ={"NO_COLOR": "1"})
    structlog.get_logger("streamer.lanes.lane").info("hello", lane=1)
    assert "\x1b[" in colored.getvalue()
    assert "\x1b[" not in plain.getvalue()
    assert "hello" in plain.getvalue()
    piped = configured(form="console")
    structlog.get_logger("streamer.lanes.lane").info("hello")
    assert "\x1b[" not in piped.getvalue()
    assert not piped.getvalue().startswith("{")


def test_what_a_fence_leaves_behind_is_silent_and_other_lost_errors_are_not() -> None:
    out = configured()

    async def lose(error: Exception) -> None:
        asyncio.get_running_loop().create_future().set_exception(error)
        gc.collect()

    asyncio.run(lose(ProducerFenced()))
    assert out.getvalue() == ""
    asyncio.run(lose(KafkaTimeoutError()))
    assert "never retrieved" in lines(out)[0]["message"]
