"""Describe the service that receives an import."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from streamer.adapters.import_view import ImportView
from streamer.adapters.redis_reader import ViewReader

if TYPE_CHECKING:
    from models.features.time import DayGrid
    from schemas.signing import ControlKeys
    from streamer.adapters.kafka import KafkaConnection


@dataclass(frozen=True)
class Service:
    """The service that receives an import.

    Attributes
    ----------
    keys
        Keys that sign control records, if any.
    alone
        Whether the servers are private, so that no other process can be reading the lanes.
    arguments, environment, log_path
        Settings of our own workers (``supervise.workers``), started if no process reads the lanes.
    """

    kafka: KafkaConnection
    lanes: int
    view: ViewReader
    imports: ImportView
    grid: DayGrid
    keys: ControlKeys | None
    alone: bool
    arguments: Sequence[str]
    environment: dict[str, str]
    log_path: Path
