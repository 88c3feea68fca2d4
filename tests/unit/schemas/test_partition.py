from __future__ import annotations

import warnings

import pytest
from aiokafka.partitioner import murmur2 as of_aiokafka
from hypothesis import given
from hypothesis import strategies as st

from schemas.partition import murmur2, partition_for

with warnings.catch_warnings():
    # kafka-python reads its own files in a way that importlib deprecates.
    warnings.simplefilter("ignore", DeprecationWarning)
    from kafka.partitioner.default import murmur2 as of_kafka_python


# From org.apache.kafka.common.utils.UtilsTest.
@pytest.mark.parametrize(
    ("key", "java"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_java_says(key: bytes, java: int) -> None:
    assert murmur2(key) == java & 0xFFFFFFFF


@given(st.binary(max_size=300), st.integers(1, 10_000))
def test_equals_both_python_clients(key: bytes, partitions: int) -> None:
    assert murmur2(key) == of_aiokafka(key) & 0xFFFFFFFF == of_kafka_python(key) & 0xFFFFFFFF
    assert partition_for(key, partitions) == (of_kafka_python(key) & 0x7FFFFFFF) % partitions


def test_customers_spread_evenly() -> None:
    counts = [0] * 8
    for number in range(8000):
        counts[partition_for(b"%d" % number, 8)] += 1
    assert min(counts) > 850 and max(counts) < 1150
