"""End abandoned imports, because their customers would wait for a clock that never advances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from schemas.control import ControlImport, control_headers, encode_control
from schemas.signing import Seal
from streamer.core.decision import Rerouted
from streamer.core.ledger import ImportClock

_SOURCE: Final = "silence"
"""Signature source of these control records."""


class SilentImports:
    """Closes the open imports of one lane that have been silent for too long.

    Parameters
    ----------
    partition
        The lane's partition.
    patience_ms
        Maximum silence of an import.
    since_ms
        Start of the lane, epoch ms. Earlier silence does not count: an import resumed the day after, on a
        service that was stopped in between, continues with its own clock.
    """

    def __init__(self, partition: int, patience_ms: int, since_ms: int) -> None:
        self._partition = partition
        self._patience_ms = patience_ms
        self._since_ms = since_ms
        self._closing: set[str] = set()
        self._number = -1

    def close(self, imports: Mapping[str, ImportClock], numbers: Mapping[str, int], now_ms: int) -> list[Rerouted]:
        """Return control records that close the imports silent at ``now_ms``. Each is returned once.

        Call this only after the lane has read everything appended. ``numbers`` are those of its ledger.
        """
        self._closing.intersection_update(imports)
        silent_since = now_ms - self._patience_ms
        if self._since_ms >= silent_since:
            return []
        silent = [id for id, opened in imports.items() if opened.appended < silent_since and id not in self._closing]
        self._closing.update(silent)
        return [self._closed(id, number) for number, id in enumerate(silent, self._next_number(numbers, len(silent)))]

    def _next_number(self, numbers: Mapping[str, int], count: int) -> int:
        first = max(self._number, numbers.get(_SOURCE, -1)) + 1
        self._number = first + count - 1
        return first

    def _closed(self, id: str, number: int) -> Rerouted:
        value = encode_control(ControlImport(import_id=id, state="closed", source_hash="silence"))
        return Rerouted(self._partition, None, value, control_headers(value), Seal(_SOURCE, number))
