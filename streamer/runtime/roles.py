"""List the roles of worker processes, one row each; a new role needs only a new row.

A role's program is named rather than imported, because it may be in a layer above this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from streamer.config.settings import Settings


@dataclass(frozen=True, slots=True)
class Start:
    """Arguments of a role's program in addition to the settings.

    Attributes
    ----------
    kafka, redis
        Addresses of the embedded servers, used if the settings have none.
    ended
        Number of earlier processes' transactions that ended ``fenced`` or ``unknown``, for the metric.
    """

    kafka: str | None = None
    redis: str | None = None
    ended: Mapping[str, int] = field(default_factory=dict)


class Program(Protocol):
    """Runs one role in this process until SIGTERM or SIGINT.

    Raises
    ------
    UserError
        The role cannot start, and a restart would not help.
    TransientError
        Kafka cannot be reached (yet).
    """

    def __call__(self, settings: Settings, start: Start) -> None: ...


@dataclass(frozen=True, slots=True)
class Role:
    """One kind of worker process.

    Attributes
    ----------
    program
        A `Program` as ``module:function``.
    help
        Purpose of the role, for the command line.
    metrics_port
        Setting with the port of its ``/metrics``. Without one, the port follows from ``metrics_port`` and the
        role's position in the table (``metrics_port.port_of``).
    always
        Whether every service needs the role; ``streamer worker`` starts it if no role is given.
    """

    name: str
    program: str
    help: str
    metrics_port: str = ""
    always: bool = True

    def load(self) -> Program:
        """Import the program."""
        module, _, function = self.program.partition(":")
        found: Program = getattr(import_module(module), function)
        return found


ROLES: Final[Mapping[str, Role]] = MappingProxyType(
    {
        role.name: role
        for role in (
            Role("lanes", "streamer.runtime.lane_worker:run", "assigns customers to segments", "metrics_port"),
            Role("owner", "streamer.runtime.owner_worker:run", "learns behaviour clusters", "owner_metrics_port"),
            Role("act", "streamer.act.process:run", "sends the messages of plays", "act_metrics_port", always=False),
            Role(
                "web",
                "streamer.web.process:run",
                "serves the console and the HTTP API",
                "web_metrics_port",
                always=False,
            ),
        )
    }
)

ALWAYS: Final[tuple[str, ...]] = tuple(role.name for role in ROLES.values() if role.always)
"""Roles that every service needs."""

HELP: Final = ", ".join(f"{role.name} ({role.help})" for role in ROLES.values())
"""All roles in one line."""
