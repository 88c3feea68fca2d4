"""Test what commands read from the view, on a real Valkey."""

from __future__ import annotations

import pytest

from streamer.adapters.redis_keys import LaneKeys
from streamer.adapters.redis_reader import ViewReader, connect

pytestmark = pytest.mark.integration


def test_ids_that_begin_alike_come_from_all_lanes_in_order(redis_url: str, prefix: str) -> None:
    client = connect(redis_url)
    client.zadd(LaneKeys(prefix, 0).ids, {"ann": 0, "anton": 0, "bob": 0})
    client.zadd(LaneKeys(prefix, 1).ids, {"anna": 0, "a": 0, "änn": 0})
    client.close()
    reader = ViewReader(redis_url, prefix, 2)
    assert reader.ids_like("an", 9) == ["ann", "anna", "anton"]
    assert reader.ids_like("", 2) == ["a", "ann"]
    assert reader.ids_like("ä", 9) == ["änn"] and reader.ids_like("x", 9) == []
    reader.close()
