"""Test choosing ports."""

from __future__ import annotations

import socket

from streamer.embedded.ports import HOST, choose, is_free


def test_preferred_ports_are_kept_while_they_are_free() -> None:
    first = choose(2)
    assert len(set(first)) == 2
    assert choose(2, first) == first


def test_a_taken_port_is_replaced_and_the_other_kept() -> None:
    first, second = choose(2)
    with socket.create_server((HOST, first)):
        assert not is_free(first)
        other, kept = choose(2, (first, second))
    assert other != first
    assert kept == second
