"""Test the administrator's step on a real broker."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource
from kafka.structs import OffsetAndMetadata

from schemas.errors import UserError
from schemas.topics import CHANGES, EVENTS, STATE, TOPICS, full_name
from streamer.adapters.admin import cluster_info, end_offsets, group_lag
from streamer.adapters.topics import (
    check_topics,
    create_topics,
    delete_topics,
    fix_topics,
    lane_count,
    topic_ids,
)
from streamer.embedded import Addresses, Services

pytestmark = pytest.mark.integration


def test_creates_all_topics_once_and_then_nothing(addresses: Addresses, prefix: str) -> None:
    assert lane_count(addresses.kafka, prefix) is None
    created = create_topics(addresses.kafka, prefix=prefix, lanes=3)
    assert created == sorted(full_name(topic, prefix) for topic in TOPICS)
    assert lane_count(addresses.kafka, prefix) == 3
    assert create_topics(addresses.kafka, prefix=prefix, lanes=3) == []
    assert check_topics(addresses.kafka, prefix=prefix, lanes=3) == []


def test_topics_that_were_made_anew_are_others(addresses: Addresses, prefix: str) -> None:
    names = [full_name(topic, prefix) for topic in (CHANGES, EVENTS)]
    assert topic_ids(addresses.kafka, names) == {}
    create_topics(addresses.kafka, prefix=prefix, lanes=2)
    first = topic_ids(addresses.kafka, names)
    assert first.keys() == set(names)
    assert topic_ids(addresses.kafka, [*names, "nothing"]) == first
    delete_topics(addresses.kafka, prefix=prefix)
    create_topics(addresses.kafka, prefix=prefix, lanes=2)
    anew = topic_ids(addresses.kafka, names)
    assert anew.keys() == set(names) and not set(anew.values()) & set(first.values())


def test_two_creators_at_once_share_the_work(addresses: Addresses, prefix: str) -> None:
    def create(_: int) -> list[str]:
        return create_topics(addresses.kafka, prefix=prefix, lanes=2)

    with ThreadPoolExecutor(4) as pool:
        created = [name for names in pool.map(create, range(4)) for name in names]
    assert sorted(created) == sorted(full_name(topic, prefix) for topic in TOPICS)
    assert check_topics(addresses.kafka, prefix=prefix) == []


def test_another_number_of_lanes_is_refused_with_the_mend(addresses: Addresses, prefix: str) -> None:
    create_topics(addresses.kafka, prefix=prefix, lanes=2)
    with pytest.raises(UserError, match="2 partitions") as refused:
        create_topics(addresses.kafka, prefix=prefix, lanes=4)
    assert "STREAMER_LANES=2" in refused.value.hint


def test_findings_name_what_is_wrong_and_settings_can_be_mended(addresses: Addresses, prefix: str) -> None:
    create_topics(addresses.kafka, prefix=prefix, lanes=2)
    events, changes, state = (full_name(name, prefix) for name in (EVENTS, CHANGES, STATE))
    with KafkaAdminClient(bootstrap_servers=addresses.kafka) as admin:
        admin.delete_topics([changes])
        admin.alter_configs(
            [
                ConfigResource("TOPIC", events, {"message.timestamp.type": "CreateTime", "retention.ms": "1000"}),
                ConfigResource("TOPIC", state, {"cleanup.policy": "delete"}),
            ]
        )
    _until(lambda: len(check_topics(addresses.kafka, prefix=prefix)) == 4)
    findings = check_topics(addresses.kafka, prefix=prefix)
    assert {(finding.topic, finding.setting) for finding in findings} == {
        (changes, None),
        (events, "message.timestamp.type"),
        (events, "retention.ms"),
        (state, "cleanup.policy"),
    }
    assert all(finding.vital and finding.hint for finding in findings)
    assert fix_topics(addresses.kafka, prefix=prefix, findings=findings) == sorted([events, state])
    _until(lambda: len(check_topics(addresses.kafka, prefix=prefix)) == 1)
    assert create_topics(addresses.kafka, prefix=prefix, lanes=2) == [changes]
    assert check_topics(addresses.kafka, prefix=prefix) == []


def test_wrong_partition_count_is_found_against_the_input(addresses: Addresses, prefix: str) -> None:
    with KafkaAdminClient(bootstrap_servers=addresses.kafka) as admin:
        admin.create_topics({full_name(STATE, prefix): {"num_partitions": 5, "replication_factor": 1}})
    create_topics(addresses.kafka, prefix=prefix, lanes=2)
    counts = [finding for finding in check_topics(addresses.kafka, prefix=prefix) if not finding.setting]
    assert [finding.topic for finding in counts] == [full_name(STATE, prefix)]
    assert "5 partitions, it should have 2" in counts[0].problem


def test_lag_is_what_the_group_has_not_read(addresses: Addresses, prefix: str) -> None:
    create_topics(addresses.kafka, prefix=prefix, lanes=2)
    topic = full_name(EVENTS, prefix)
    with KafkaProducer(bootstrap_servers=addresses.kafka) as producer:
        for _ in range(7):
            producer.send(topic, b"{}", partition=1)
        producer.flush()
    assert end_offsets(addresses.kafka, [topic, "absent"]) == {(topic, 0): 0, (topic, 1): 7}
    assert [part.lag for part in group_lag(addresses.kafka, prefix, [topic])] == [0, 7]
    with KafkaAdminClient(bootstrap_servers=addresses.kafka) as admin:
        admin.alter_group_offsets(prefix, {TopicPartition(topic, 1): OffsetAndMetadata(4, "", None)})
    first, second = group_lag(addresses.kafka, prefix, [topic])
    assert (first.committed, first.lag) == (None, 0)
    assert (second.start, second.committed, second.end, second.lag) == (0, 4, 7, 3)


def test_cluster_info_lists_the_brokers(services: Services) -> None:
    info = cluster_info(services.addresses.kafka)
    assert info.cluster_id == services.kafka.cluster_id
    assert info.version == "4.1"
    assert info.brokers == (services.addresses.kafka,)


def test_nobody_at_the_address_is_reported_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: nobody else can take it either
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        began = time.monotonic()
        with pytest.raises(UserError, match=f"no Kafka at {address}") as refused:
            check_topics(address)
    assert time.monotonic() - began < 10  # clients would continue for half a minute
    assert "streamer up" in refused.value.hint
    assert "STREAMER_KAFKA" in refused.value.hint


def test_another_server_at_the_address_is_given_up_and_leaves_no_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streamer.adapters.preflight.CONNECT_SECONDS", 1.0)
    before = threading.active_count()
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began = time.monotonic()
        with pytest.raises(UserError, match="does not answer"):
            lane_count(f"127.0.0.1:{silent.getsockname()[1]}")
    assert time.monotonic() - began < 10
    _until(lambda: threading.active_count() <= before)


@pytest.mark.parametrize("address", ["127.0.0.1:kafka", "nosuchhost.invalid:9092"])
def test_a_wrong_address_is_reported_plainly(address: str) -> None:
    with pytest.raises(UserError, match=address.partition(":")[0]):
        lane_count(address)


def _until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)
