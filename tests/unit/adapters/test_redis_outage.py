"""Test that an outage of Redis is logged once per cause, however often lanes meet the causes in turn."""

from __future__ import annotations

from redis.exceptions import MasterDownError, ReadOnlyError
from structlog.testing import capture_logs

from streamer.adapters.redis_outage import Outage, waited_for


def test_causes_that_alternate_are_reported_once_each() -> None:
    outage = Outage()
    down, read_only = MasterDownError("MASTERDOWN"), ReadOnlyError("READONLY")
    with capture_logs() as logs:
        for lane, error in enumerate([down, read_only, down, read_only, down]):
            wait = waited_for(error)
            assert wait is not None
            outage.begins(lane % 2, wait, error)
        outage.ends(0)
        outage.ends(1)
    assert [line["event"].partition(";")[0] for line in logs] == [
        "Redis is failing over",
        "Redis is read-only: it is a replica, for example during a failover",
        "Redis recovered",
    ]


def test_the_next_outage_is_reported_again() -> None:
    outage, error = Outage(), ReadOnlyError("READONLY")
    wait = waited_for(error)
    assert wait is not None
    with capture_logs() as logs:
        for _ in range(2):
            outage.begins(0, wait, error)
            outage.ends(0)
    assert [line["log_level"] for line in logs] == ["warning", "info", "warning", "info"]
