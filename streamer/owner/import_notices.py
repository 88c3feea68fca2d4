"""Collect imports' requests to learn on a day, which are valid once every lane has sent everything before that day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from schemas.errors import InvariantViolation
from streamer.core.decision import ImportNotice

_decode = msgspec.json.Decoder(ImportNotice).decode


@dataclass(frozen=True, slots=True)
class LearningRequest:
    """A request that all lanes have forwarded. ``keys`` are those of their records, which the answer deletes."""

    import_id: str
    day: int
    customers: int
    keys: tuple[bytes, ...]


@dataclass(slots=True)
class ImportNotices:
    """Unanswered records under ``keys.NOTICE_KEY``, by import and lane.

    They are not part of the owner's snapshot: they stay in the panel topic until the transaction of the answer
    deletes them, and a starting owner reads them from there.

    Attributes
    ----------
    done
        Keys of records that no answer will delete.
    """

    lanes: int
    done: list[bytes] = field(default_factory=list)
    _requested: dict[str, dict[int, tuple[bytes, ImportNotice]]] = field(default_factory=dict)
    _closed: dict[str, dict[int, tuple[bytes, ImportNotice]]] = field(default_factory=dict)

    def take(self, key: bytes, value: bytes | None) -> int:
        """Add one record. Return the last day of an import that has now ended in every lane, else -1.

        From then on the import's data is learned from like any other, even if one of its requests went unanswered.
        """
        if value is None:
            return -1
        try:
            notice = _decode(value)
        except msgspec.DecodeError as error:
            raise InvariantViolation(f"a request to the model owner cannot be read: {error}") from error
        kind = self._closed if notice.closed else self._requested
        by_lane = kind.setdefault(notice.import_id, {})
        by_lane[notice.lane] = key, notice
        if not notice.closed or len(by_lane) < self.lanes:
            return -1
        self._requested.pop(notice.import_id, None)
        del self._closed[notice.import_id]
        self.done += [key for key, _ in by_lane.values()]
        return max(notice.day for _, notice in by_lane.values())

    def complete(self) -> Iterator[LearningRequest]:
        """Remove and yield the requests that all lanes agree on."""
        for import_id, by_lane in list(self._requested.items()):
            notices = [notice for _, notice in by_lane.values()]
            if len(notices) == self.lanes and len({notice.day for notice in notices}) == 1:
                del self._requested[import_id]
                customers = sum(notice.customers for notice in notices)
                yield LearningRequest(import_id, notices[0].day, customers, tuple(key for key, _ in by_lane.values()))
