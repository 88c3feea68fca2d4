"""Column store of behaviour memories, with one row per customer held by the worker."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from models.behaviour import bucket as today
from models.behaviour import rhythm
from models.behaviour.layout import (
    AREA,
    CUSUM,
    DAY,
    DECAY,
    EXPOSURE,
    FIRST_DAY,
    INTERACTION_COUNT,
    LABEL_VERSION,
    LAST_EVENT,
    LAST_ORDER,
    LAYOUT,
    LONG_AT,
    ORDER_COUNT,
    RECENT_AT,
    RHYTHM,
    SEGMENT,
    SHORT_AT,
    SLOTS,
    VECTOR,
    WIDTH,
    BoolArray,
    FloatArray,
    IntArray,
    SingleArray,
)
from schemas.errors import InvariantViolation

_LAYOUT = bytes((LAYOUT,))
_ROW_BYTES = 1 + 4 * WIDTH
_MOST = float(2**53)
_WITHOUT_RHYTHM = (1, 2)
"""Layouts without rhythm."""
_EXPOSURES = (SHORT_AT + EXPOSURE, LONG_AT + EXPOSURE, RECENT_AT + EXPOSURE)


class Memory:
    """Rows of customers, and the open day's buckets of those with events today.

    The store is not thread-safe and holds no customer ids: the caller keeps each customer's row. Events count for the
    day the row is stepped to, so step a customer to the event's day (``daily_step.advance``) before adding the event.
    Blobs of ``dump`` hold a layout number, the row as little-endian float32 and, only if the open day has events, the
    bucket.

    >>> memory = Memory()
    >>> row = memory.new_row(day=20_000)
    >>> memory.add_order(row, 4_990, False, [("tea", 4_990)])
    >>> again = memory.load(memory.dump(row))
    >>> memory.dump(again) == memory.dump(row)
    True
    """

    def __init__(self, capacity: int = 64) -> None:
        self.matrix: SingleArray = np.zeros((max(1, capacity), WIDTH), dtype="<f4")
        self.live: BoolArray = np.zeros(max(1, capacity), dtype=np.bool_)
        self.buckets: dict[int, list[float]] = {}
        self._free: list[int] = list(range(max(1, capacity) - 1, -1, -1))

    def __len__(self) -> int:
        return len(self.live) - len(self._free)

    # --- rows ---------------------------------------------------------------------------------
    def new_row(self, day: int) -> int:
        """Return a new row for a customer first seen on ``day``."""
        row = self._take()
        self.matrix[row, [DAY, FIRST_DAY, LAST_EVENT]] = day
        return row

    def free(self, row: int) -> None:
        """Release a row; its number may be reused."""
        self._check(row)
        self.matrix[row] = 0
        self.live[row] = False
        self.buckets.pop(row, None)
        self._free.append(row)

    def rows_before(self, day: int) -> IntArray:
        """Return the live rows not yet stepped to ``day``, ascending."""
        return np.flatnonzero(self.live & (self.matrix[:, DAY] < day)).astype(np.int64)

    def day_of(self, row: int) -> int:
        """Return the grid day the row is stepped to."""
        return int(self.matrix[row, DAY])

    def segment_code(self, row: int) -> int:
        """Return the stable code of the row's segment; ``ClusterModel.id_of`` names it."""
        return int(self.matrix[row, SEGMENT])

    def label_version(self, row: int) -> int:
        """Return the model version that assigned or last confirmed the row's segment; 0 before the first."""
        return int(self.matrix[row, LABEL_VERSION])

    # --- the hot path -------------------------------------------------------------------------
    def add_order(self, row: int, money_minor: int, discounted: bool, categories: Sequence[tuple[str, int]]) -> None:
        """Count an order today."""
        bucket = self.buckets.get(row)
        if bucket is None:
            bucket = self.buckets[row] = today.fresh()
        today.add_order(bucket, money_minor, discounted, categories)

    def add_interaction(self, row: int, kind: str, category: str | None = None) -> None:
        """Count an interaction today. The clusters ignore its kind and category."""
        bucket = self.buckets.get(row)
        if bucket is None:
            bucket = self.buckets[row] = today.fresh()
        bucket[4] += 1
        bucket[5] = 1

    def take_back(
        self,
        row: int,
        money_minor: int,
        *,
        whole: bool = True,
        discounted: bool = False,
        categories: Sequence[tuple[str, int]] = (),
    ) -> None:
        """Subtract an order today (``whole``), or only part of its money.

        A reversal is not the customer's own event: it never makes ``event`` the cause of a later move.
        """
        bucket = self.buckets.get(row)
        if bucket is None:
            bucket = self.buckets[row] = today.fresh()
        today.take_back(bucket, money_minor, whole, discounted, categories)

    # --- snapshots and merges -----------------------------------------------------------------
    def dump(self, row: int) -> bytes:
        """Encode the whole row; ``load`` restores it bit for bit."""
        self._check(row)
        blob: bytes = _LAYOUT + self.matrix[row].tobytes()
        bucket = self.buckets.get(row)
        return blob if bucket is None else blob + today.pack(bucket)

    def load(self, blob: bytes, order_days: Callable[[], Iterable[int]] | None = None) -> int:
        """Decode a ``dump`` into a new row. Raises InvariantViolation on an unknown layout.

        Parameters
        ----------
        order_days
            Distinct days of the customer's orders, ascending. Used to derive the rhythm if the blob's layout has none.
        """
        values, bucket = _parse(blob)
        row = self._take()
        self.matrix[row] = values
        if order_days is not None and blob[0] in _WITHOUT_RHYTHM:
            # Closing the open day counts it, so leave it out here.
            self.matrix[row, RHYTHM] = rhythm.of_order_days(day for day in order_days() if day < values[DAY])
        if bucket is not None:
            self.buckets[row] = bucket
        return row

    def reload(self, row: int, blob: bytes) -> None:
        """Replace the row with ``blob``, as if it had been freed and loaded."""
        self._check(row)
        values, bucket = _parse(blob)
        self.matrix[row] = values
        self.buckets.pop(row, None)
        if bucket is not None:
            self.buckets[row] = bucket

    def merge(self, row_into: int, blob: bytes) -> None:
        """Add the statistics of another memory of the same person.

        A memory that is behind is aged without a model, so step both to the same day first if its label matters. The
        label of ``row_into`` stays, the CUSUMs of both are reset, and the exposure is the longer of the two. The rhythm
        with more known gaps is kept.
        """
        self._check(row_into)
        values, bucket = _parse(blob)
        mine = self.matrix[row_into].astype(np.float64)
        other = values.astype(np.float64)
        _age(other, bucket, int(mine[DAY] - other[DAY]))
        if other[DAY] >= mine[DAY] and bucket is not None:
            own = self.buckets.setdefault(row_into, today.fresh())
            for index, value in enumerate(bucket):
                own[index] += value
            own[today.B_OWN] = min(1.0, own[today.B_OWN])
        exposures = [
            (at, max(mine[at], other[at])) for at in (SHORT_AT + EXPOSURE, LONG_AT + EXPOSURE, RECENT_AT + EXPOSURE)
        ]
        mine[: 3 * VECTOR] += other[: 3 * VECTOR]
        for at, exposure in exposures:
            mine[at] = exposure
        mine[CUSUM:AREA] = 0
        mine[ORDER_COUNT] += other[ORDER_COUNT]
        mine[INTERACTION_COUNT] += other[INTERACTION_COUNT]
        mine[FIRST_DAY] = min(mine[FIRST_DAY], other[FIRST_DAY])
        mine[LAST_EVENT] = max(mine[LAST_EVENT], other[LAST_EVENT])
        mine[RHYTHM] = rhythm.joined(mine[RHYTHM], other[RHYTHM])
        self.matrix[row_into] = mine

    # --- inside -------------------------------------------------------------------------------
    def _take(self) -> int:
        if not self._free:
            size = len(self.live)
            self.matrix = np.concatenate([self.matrix, np.zeros_like(self.matrix)])
            self.live = np.concatenate([self.live, np.zeros_like(self.live)])
            self._free = list(range(2 * size - 1, size - 1, -1))
        row = self._free.pop()
        self.live[row] = True
        return row

    def _check(self, row: int) -> None:
        if not (0 <= row < len(self.live) and self.live[row]):
            raise InvariantViolation(f"behaviour memory: row {row} is not in use")


def check(blob: bytes) -> None:
    """Raise InvariantViolation unless ``blob`` is a valid ``dump``."""
    _parse(blob)


def _parse(blob: bytes) -> tuple[SingleArray, list[float] | None]:
    if blob[:1] == b"\x01":
        blob = _of_layout_1(blob)
    if blob[:1] == b"\x02":
        blob = _of_layout_2(blob)
    if not blob or blob[0] != LAYOUT:
        found = blob[0] if blob else "none"
        raise InvariantViolation(f"behaviour memory: layout {found} is unknown, this program reads {LAYOUT}")
    if len(blob) not in (_ROW_BYTES, _ROW_BYTES + today.PACKED_BYTES):
        raise InvariantViolation(f"behaviour memory: a blob of {len(blob)} bytes is damaged")
    values = np.frombuffer(blob, dtype="<f4", count=WIDTH, offset=1)
    if not np.isfinite(values).all():
        raise InvariantViolation("behaviour memory: a blob holds a number that is not finite")
    bucket = today.unpack(blob, _ROW_BYTES) if len(blob) > _ROW_BYTES else None
    if bucket is not None and not all(-_MOST < value < _MOST for value in bucket):
        raise InvariantViolation("behaviour memory: a blob holds a bucket out of range")
    return values, bucket


def _of_layout_1(blob: bytes) -> bytes:
    """Convert a blob from layout 1 to layout 2. Layout 1 has one W per slot and not its parts, so W restarts at 0."""
    cusum = 1 + 4 * CUSUM
    return b"\x02" + blob[1:cusum] + bytes(4 * (AREA - CUSUM)) + blob[cusum + 4 * SLOTS :]


def _of_layout_2(blob: bytes) -> bytes:
    """Convert a blob from layout 2 to layout 3. It has no rhythm, so the customer is evaluated as under layout 2."""
    end = 1 + 4 * LAST_ORDER
    return b"\x03" + blob[1:end] + bytes(4 * (RHYTHM.stop - RHYTHM.start)) + blob[end:]


def _age(values: FloatArray, bucket: list[float] | None, days: int) -> None:
    """Age a row by ``days`` in place, closing its bucket on the first."""
    decay = DECAY[:, 0]
    for step in range(days):
        values[: 3 * VECTOR] *= decay
        for at in (SHORT_AT, LONG_AT):
            values[at + EXPOSURE] += 1
            if step == 0 and bucket is not None:
                values[at + 1 : at + VECTOR] += today.day_vectors(np.array([bucket]))[:, 0]
        if step == 0 and bucket is not None:
            values[ORDER_COUNT] = max(0.0, values[ORDER_COUNT] + bucket[today.B_ORDERS])
            values[INTERACTION_COUNT] += bucket[today.B_INTERACTIONS]
            if bucket[today.B_OWN]:
                values[LAST_EVENT] = values[DAY]
            if bucket[today.B_ORDERS] > 0:
                rhythm.note_order_day(values[:, None], np.zeros(1, dtype=np.int64))
    if days > 0:
        values[DAY] += days
