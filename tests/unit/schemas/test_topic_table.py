from __future__ import annotations

import pytest

from schemas import topics
from schemas.topics import TOPICS, Topic, full_name

BY_NAME = {topic.name: topic for topic in TOPICS}
DAY_MS = 86_400_000


def test_every_constant_has_a_topic() -> None:
    names = {
        value
        for name, value in vars(topics).items()
        if name.isupper() and isinstance(value, str) and not name.startswith("_")
    }
    assert names == set(BY_NAME) and len(TOPICS) == 11


def test_the_broker_stamps_events_and_refuses_more_than_a_mebibyte() -> None:
    config = BY_NAME[topics.EVENTS].config
    assert config["message.timestamp.type"] == "LogAppendTime"
    assert config["max.message.bytes"] == "1048576"
    assert int(config["retention.ms"]) == 400 * DAY_MS


@pytest.mark.parametrize(
    "name", [topics.STATE, topics.MEMBERSHIPS, topics.DEFINITIONS, topics.MODELS, topics.PANEL, topics.ACT]
)
def test_state_is_compacted_and_never_deleted_by_time_or_size(name: str) -> None:
    config = BY_NAME[name].config
    assert config["cleanup.policy"] == "compact"
    assert config["retention.bytes"] == "-1"
    assert int(config["delete.retention.ms"]) >= 7 * DAY_MS


def test_a_dead_letter_of_the_largest_event_fits_with_its_headers() -> None:
    letters, events = BY_NAME[topics.DEADLETTERS].config, BY_NAME[topics.EVENTS].config
    assert int(letters["max.message.bytes"]) > int(events["max.message.bytes"])


def test_lanes_and_single_partitions() -> None:
    single = {topic.name for topic in TOPICS if topic.partitions(8) == 1}
    assert single == {topics.DEFINITIONS, topics.MODELS, topics.PANEL, topics.ALERTS, topics.ACT}
    assert all(topic.partitions(8) == 8 for topic in TOPICS if topic.name not in single)


@pytest.mark.parametrize(
    ("prefix", "name"), [("", "a.v1"), ("shop", "shop.a.v1"), ("shop.", "shop.a.v1"), ("shop_", "shop_a.v1")]
)
def test_prefix(prefix: str, name: str) -> None:
    assert full_name("a.v1", prefix) == full_name(Topic("a.v1", True, {}), prefix) == name
