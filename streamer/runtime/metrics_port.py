"""Choose and open the port on which a role serves its metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import structlog

from schemas.errors import UserError
from streamer.config.settings import Settings
from streamer.config.settings_sources import DEFAULT, variable
from streamer.runtime.metrics_targets import MetricsTargets
from streamer.runtime.roles import ROLES, Role

log = structlog.get_logger(__name__)


class Server(Protocol):
    """Serves ``/metrics``, ``/targets``, ``/healthz`` and ``/readyz``."""

    def start(self, host: str, port: int) -> int: ...

    def discover(self, targets: Callable[[], Sequence[str]]) -> None: ...


def port_of(role: Role, settings: Settings) -> int:
    """Return the port of a role's ``/metrics``; 0 means any free port."""
    if role.metrics_port:
        found: int = getattr(settings, role.metrics_port)
        return found
    return settings.metrics_port and settings.metrics_port + [*ROLES].index(role.name)


def serve(server: Server, role: Role, settings: Settings) -> int:
    """Open a role's port and return it.

    If the port is taken and no setting names it, another one is used, because workers share machines.
    """
    origins: Mapping[str, str] = {one.name: one.origin for one in settings.in_force()}
    host, port = settings.metrics_host, port_of(role, settings)
    try:
        port = server.start(host, port)
    except UserError:
        if role.metrics_port and origins[variable(role.metrics_port)] != DEFAULT:
            raise
        port = server.start(host, 0)
    server.discover(MetricsTargets(settings.home, host, port).addresses)
    log.info("serving metrics", url=f"http://{host}:{port}/metrics")
    return int(port)
