"""Imports' requests to the model owner to learn on a day, valid once every lane has sent everything before that day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from schemas.errors import InvariantViolation
from streamer.core.decision import Look

_decode = msgspec.json.Decoder(Look).decode


@dataclass(frozen=True, slots=True)
class LearningRequest:
    """A request that all lanes have forwarded; ``keys`` are those of their records, which the answer deletes."""

    import_id: str
    day: int
    customers: int
    keys: tuple[bytes, ...]


@dataclass(slots=True)
class Looks:
    """The unanswered records under ``keys.LOOK_KEY``, by import and lane.

    They are not part of the owner's snapshot: they stay in the panel topic until the transaction of the answer
    deletes them, and a starting owner reads them from there.

    Attributes
    ----------
    done
        Keys of records that no answer will delete.
    """

    lanes: int
    done: list[bytes] = field(default_factory=list)
    _requested: dict[str, dict[int, tuple[bytes, Look]]] = field(default_factory=dict)
    _closed: dict[str, dict[int, tuple[bytes, Look]]] = field(default_factory=dict)

    def take(self, key: bytes, value: bytes | None) -> int:
        """Add one record; return the last day of an import that has now ended in every lane, else -1.

        From then on the import's data is learned from like any other, even if a request of it went unanswered.
        """
        if value is None:
            return -1
        try:
            look = _decode(value)
        except msgspec.DecodeError as error:
            raise InvariantViolation(f"a request to the model owner cannot be read: {error}") from error
        kind = self._closed if look.closed else self._requested
        by_lane = kind.setdefault(look.import_id, {})
        by_lane[look.lane] = key, look
        if not look.closed or len(by_lane) < self.lanes:
            return -1
        self._requested.pop(look.import_id, None)
        del self._closed[look.import_id]
        self.done += [key for key, _ in by_lane.values()]
        return max(look.day for _, look in by_lane.values())

    def complete(self) -> Iterator[LearningRequest]:
        """Remove and yield the requests that all lanes agree on."""
        for import_id, by_lane in list(self._requested.items()):
            looks = [look for _, look in by_lane.values()]
            if len(looks) == self.lanes and len({look.day for look in looks}) == 1:
                del self._requested[import_id]
                customers = sum(look.customers for look in looks)
                yield LearningRequest(import_id, looks[0].day, customers, tuple(key for key, _ in by_lane.values()))
