"""The topics and their broker configuration.

A topic has either one partition per lane, or a single one. Compacted topics hold state, which must not expire by time
or size, so they set these limits explicitly instead of trusting the broker's defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

EVENTS: Final = "customer.events.v1"
CHANGES: Final = "segment.changes.v1"
MEMBERSHIPS: Final = "segment.memberships.v1"
DEFINITIONS: Final = "segment.definitions.v1"
MODELS: Final = "segment.models.v1"
DEADLETTERS: Final = "streamer.deadletters.v1"
STATE: Final = "streamer.state.v1"
PANEL: Final = "streamer.panel.v1"
ALERTS: Final = "streamer.alerts.v1"
MESSAGES: Final = "act.messages.v1"
ACT: Final = "streamer.act.v1"

DEFAULT_LANES: Final = 4
MAX_MESSAGE_BYTES: Final = 1_048_576
_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic: its name without prefix, and the broker's settings for it.

    Attributes
    ----------
    lanes
        True if partition ``p`` belongs to lane ``p``; False means a single partition.
    config
        Kafka topic settings, names and values as the broker's admin interface takes them.
    """

    name: str
    lanes: bool
    config: Mapping[str, str]

    def partitions(self, lanes: int) -> int:
        """Return the number of partitions for a service with ``lanes`` lanes."""
        return lanes if self.lanes else 1


def _log(days: int, **more: str) -> Mapping[str, str]:
    return MappingProxyType(
        {
            "cleanup.policy": "delete",
            "retention.ms": str(days * _DAY_MS),
            "retention.bytes": "-1",
            "max.message.bytes": str(MAX_MESSAGE_BYTES),
            **{name.replace("_", "."): value for name, value in more.items()},
        }
    )


def _table() -> Mapping[str, str]:
    return MappingProxyType(
        {
            "cleanup.policy": "compact",
            "retention.bytes": "-1",
            "max.message.bytes": str(MAX_MESSAGE_BYTES),
            # A restore reads the whole topic, so keep it close to one record per key: the cleaner runs at a fifth of
            # dirt instead of half, and a segment is closed, which cleaning requires, at 64 MiB or after a day.
            "min.cleanable.dirty.ratio": "0.2",
            "segment.bytes": str(64 * 1024 * 1024),
            "segment.ms": str(_DAY_MS),
            # A reader that was offline for up to a week must still see the tombstones, or deleted customers reappear.
            "delete.retention.ms": str(7 * _DAY_MS),
        }
    )


TOPICS: Final[tuple[Topic, ...]] = (
    # The append time is the only "now" of a decision, so the broker must stamp it.
    Topic(EVENTS, True, _log(400, message_timestamp_type="LogAppendTime")),
    Topic(CHANGES, True, _log(400)),
    Topic(MEMBERSHIPS, True, _table()),
    Topic(DEFINITIONS, False, _table()),
    Topic(MODELS, False, _table()),
    # A dead letter is the received record plus headers, so an event of the full 1 MiB must fit.
    Topic(DEADLETTERS, True, _log(30, max_message_bytes=str(2 * MAX_MESSAGE_BYTES))),
    Topic(STATE, True, _table()),
    Topic(PANEL, False, _table()),
    # `doctor` reads the broker's clock here.
    Topic(ALERTS, False, _log(30, message_timestamp_type="LogAppendTime")),
    Topic(MESSAGES, True, _log(400)),
    Topic(ACT, False, _table()),
)

BY_NAME: Final[Mapping[str, Topic]] = MappingProxyType({topic.name: topic for topic in TOPICS})


def full_name(topic: Topic | str, prefix: str = "") -> str:
    """Return the name on the broker; a dot follows a prefix that does not end in ``.``, ``-`` or ``_``.

    >>> full_name(EVENTS), full_name(EVENTS, "shop1"), full_name(TOPICS[0], "shop1-")
    ('customer.events.v1', 'shop1.customer.events.v1', 'shop1-customer.events.v1')
    """
    name = topic if isinstance(topic, str) else topic.name
    if not prefix or prefix[-1] in ".-_":
        return prefix + name
    return f"{prefix}.{name}"
