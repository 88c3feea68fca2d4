"""Test what is written for the broker, without starting one."""

from __future__ import annotations

from pathlib import Path

from streamer.embedded.broker import Broker, render
from streamer.embedded.home import cache_folder, default_home


def test_properties_survive_any_path() -> None:
    assert render({"log.dirs": "/tmp/Größe 5\\é😀"}) == "log.dirs=/tmp/Gr\\u00f6\\u00dfe 5\\\\\\u00e9\\ud83d\\ude00\n"


def test_further_listeners_are_added_and_other_overrides_win(tmp_path: Path) -> None:
    broker = Broker(tmp_path, overrides={"listeners": "EXTRA://127.0.0.1:3", "group.initial.rebalance.delay.ms": "5"})
    broker.ports = (1, 2)
    properties = broker.properties()
    assert properties["listeners"] == "LOCAL://127.0.0.1:1,CONTROLLER://127.0.0.1:2,EXTRA://127.0.0.1:3"
    assert properties["group.initial.rebalance.delay.ms"] == "5"
    assert properties["auto.create.topics.enable"] == "false"


def test_home_comes_from_the_environment_or_the_user_folder(tmp_path: Path) -> None:
    assert default_home({"STREAMER_HOME": str(tmp_path)}) == tmp_path.resolve()
    assert default_home({}).name == "streamer"
    assert cache_folder({}) != default_home({})
