"""Test lines after a pause: held, then written in order, or dropped if the process leaves."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import time
from collections.abc import Iterator

import pytest
import structlog
from aiokafka.errors import NodeNotReadyError

from streamer.lanes.ports import Fenced
from streamer.runtime import app
from streamer.telemetry import logs, waking
from streamer.telemetry.waking import PatientHandler

PAUSED = 3.0
ALWAYS = ["Redis is full", "step failed", "Task of ours failed", "a note cannot be sent"]
"""What is written at once, also right after a pause."""


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def handler(out: io.StringIO, clock: Clock) -> Iterator[PatientHandler]:
    made = PatientHandler(out, lambda record: record.name.startswith("aiokafka"), clock)
    yield made
    made.close()


def log_line(handler: PatientHandler, text: str, name: str = "aiokafka.conn") -> None:
    handler.handle(logging.LogRecord(name, logging.ERROR, __file__, 1, text, None, None))


def test_nothing_is_held_without_a_pause(handler: PatientHandler, out: io.StringIO, clock: Clock) -> None:
    clock.now += 1_000
    log_line(handler, "no loop yet")
    handler.beat(PAUSED)
    clock.now += 2
    log_line(handler, "soon after a beat")
    assert out.getvalue() == "no loop yet\nsoon after a beat\n"


@pytest.mark.parametrize("beaten", [False, True])
def test_one_that_leaves_drops_what_that_explains(
    handler: PatientHandler, out: io.StringIO, clock: Clock, beaten: bool
) -> None:
    handler.beat(PAUSED)
    clock.now += 60
    if beaten:
        handler.beat(PAUSED)
    log_line(handler, "a heartbeat was refused")
    log_line(handler, "the disk is full", "streamer.adapters")
    assert out.getvalue() == "the disk is full\n"
    handler.forget()
    log_line(handler, "it leaves", "streamer.runtime")
    assert out.getvalue() == "the disk is full\nit leaves\n"


def test_one_that_goes_on_tells_all_of_it_later(
    handler: PatientHandler, out: io.StringIO, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waking, "HELD_SECONDS", 0.2)
    handler.beat(PAUSED)
    clock.now += 60
    log_line(handler, "first")
    handler.beat(PAUSED)
    log_line(handler, "second", "aiokafka.client")
    assert out.getvalue() == ""
    deadline = time.monotonic() + 20
    while not out.getvalue() and time.monotonic() < deadline:
        time.sleep(0.01)
    log_line(handler, "third")
    assert out.getvalue() == "first\nsecond\nthird\n"


def test_a_loop_that_hangs_is_not_silenced(handler: PatientHandler, out: io.StringIO, clock: Clock) -> None:
    handler.beat(PAUSED)
    clock.now += 60
    log_line(handler, "nothing moves")
    handler.write_held()
    log_line(handler, "still nothing")
    assert out.getvalue() == "nothing moves\nstill nothing\n"


@pytest.mark.parametrize(
    ("error", "written"),
    [
        (Fenced("lane 1 has another owner"), ["another process took over a lane; restarting this worker"]),
        (ValueError("odd"), ["Heartbeat failed", "a hole", "Task failed", "worker failed; exiting for a restart"]),
    ],
)
def test_a_worker_that_wakes_up_and_leaves(
    monkeypatch: pytest.MonkeyPatch, error: Exception, written: list[str]
) -> None:
    """By the service's logging: libraries, Faust's under our name, and our own warnings."""
    root = logging.getLogger()
    before = list(root.handlers), root.level
    out = io.StringIO()
    monkeypatch.setattr(os, "_exit", lambda code: None)
    try:
        logs.configure(form="console", stream=out)
        assert waking.of_process() is not None

        async def paused() -> None:
            beating = asyncio.create_task(waking.beats(0.05))
            await asyncio.sleep(0)
            time.sleep(0.2)
            logging.getLogger(logs.FAUSTS).error("Heartbeat failed")
            await asyncio.sleep(0)
            structlog.get_logger("streamer.lanes.lane").warning("a hole", other_owner=True)
            logging.getLogger("asyncio").error("Task failed", exc_info=NodeNotReadyError("gone"))
            assert out.getvalue() == ""
            # What failed by itself, whether the worker then leaves or not.
            structlog.get_logger("streamer.adapters.redis_outage").warning("Redis is full")
            structlog.get_logger("streamer.lanes.lane").warning("step failed", exc_info=ValueError("a fault of ours"))
            logging.getLogger("asyncio").error("Task of ours failed", exc_info=KeyError("x"))
            logging.getLogger("apprise").warning("a note cannot be sent")
            assert all(text in out.getvalue() for text in ALWAYS)
            app.fatal(error)
            beating.cancel()

        asyncio.run(paused())
    finally:
        structlog.reset_defaults()
        logging.captureWarnings(False)
        root.handlers[:] = before[0]
        root.setLevel(before[1])
    lines = [line for line in out.getvalue().splitlines() if " [" in line]
    assert all(text in line for text, line in zip([*ALWAYS, *written], lines, strict=True))
