"""Report service status: topics, lag, customers, and whether every record is accounted for."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from schemas.topics import EVENTS
from streamer.adapters.admin import group_lag, hidden_by_transactions
from streamer.adapters.group import act_group, member_count
from streamer.adapters.redis_reader import totals
from streamer.adapters.topics import lane_count
from streamer.client import presence
from streamer.client.connections import Connections
from streamer.queries.lanes import stopped
from streamer.runtime import last_error


def service(to: Connections) -> dict[str, Any]:
    """Return topics, lag and the ledgers' totals as JSON-safe values. ``topics`` is False if there are none yet."""

    prefix = to.kafka.prefix
    if lane_count(to.bootstrap, prefix, security=to.security) is None:
        return {"kafka": to.bootstrap, "redis": to.view_place, "topics": False}
    lag = group_lag(to.bootstrap, to.kafka.group, [to.kafka.topic(EVENTS)], security=to.security)
    held = to.view.ledgers()
    workers = member_count(to.bootstrap, to.kafka.group, security=to.security)
    return {
        "kafka": to.bootstrap,
        "redis": to.view_place,
        "topics": True,
        "lanes": to.lanes,
        "lag": sum(part.lag for part in lag),
        "workers": workers,
        "act": member_count(to.bootstrap, act_group(to.kafka.group), security=to.security),
        "web": presence.url_of(to.settings.home),
        "stopped": {str(lane): str(note) for lane, note in stopped(to, held, lag).items()},
        "hidden": {
            str(lane): asdict(behind)
            for lane, behind in hidden_by_transactions(
                to.bootstrap, to.kafka.topic(EVENTS), security=to.security
            ).items()
        },
        "signed_from": max((one.signed_from or 0 for one in held), default=0) or None,
        "last_error": error._asdict() if not workers and (error := last_error.read(to.kafka.group)) else None,
        "restoring": {str(lane): {"passed": done, "of": of} for lane, (done, of) in to.view.restoring().items()},
        **asdict(totals(held)),
    }
