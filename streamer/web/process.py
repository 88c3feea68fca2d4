"""Run the role ``web``: the web process under a supervisor."""

from __future__ import annotations

from streamer.client.connections import Connections
from streamer.config.settings import Settings
from streamer.embedded import Addresses
from streamer.runtime.roles import Start
from streamer.web import app


def run(settings: Settings, start: Start) -> None:
    """Run the role; see `roles.Program`."""
    addresses = Addresses(start.kafka or "", start.redis or "", "", "")
    to = Connections(settings.with_own_key(), addresses)
    try:
        app.run(to)
    finally:
        to.close()
