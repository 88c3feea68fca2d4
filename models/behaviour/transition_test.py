"""The transition test: decides under one model which customers move when a day closes, and with which cause.

Its steps are evidence, change and position.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.behaviour import step
from models.behaviour.features import position_stats, short_stats
from models.behaviour.layout import (
    AREA,
    CUSUM,
    FEATURES,
    FIRST_DAY,
    FULL_SHORT,
    LABEL_VERSION,
    LAST_EVENT,
    NEW,
    NEW_ID,
    REFERENCE,
    SEGMENT,
    UNASSIGNED,
    VERSION,
    BoolArray,
    FloatArray,
    IntArray,
    parts_of,
)
from models.behaviour.model import ClusterModel
from models.behaviour.moves import Move, Reason, all_features_of, change_reasons, features_of, why_assigned, why_moved
from models.behaviour.position import Position, lately_nearer, margins, position_of, preferred, preferred_lately
from models.behaviour.rhythm import Beat, overdue
from models.behaviour.scoring import Compiled, compiled, confidences_of, placed

SURE = 2.0
"""Excess of W over the threshold above which the short memory need only be nearer to the new segment than to the old.
"""
ABOUT_AS_MUCH = 2.0
"""Maximum difference, in nats, between two W of an overdue customer that counts as a tie."""
OWN_EVENT_DAYS = 3
"""Maximum age, in days, of the customer's own last event for a move to have cause ``event``."""


class TransitionTest:
    """Closes days for a block under one model, until the model or the set of columns changes.

    Parameters
    ----------
    block
        Shape (WIDTH, n); changed in place by ``close``.
    rows
        Memory rows of the columns, for the moves.
    timeline
        To look up the model that assigned a label.
    """

    def __init__(
        self, block: FloatArray, rows: IntArray, c: Compiled, timeline: Sequence[tuple[int, ClusterModel]]
    ) -> None:
        self.model = c.model
        self.columns = block.shape[1]
        self._block = block
        self._rows = rows
        self._c = c
        self._timeline = timeline
        self._least_eta = c.model.preset.eta + float(c.allowance.min())
        self._fresh = self._adopt()
        self._refresh()

    # --- one day ------------------------------------------------------------------------------
    def close(self, day: int, happened: step.Happened | None) -> list[Move]:
        """Close the day before grid day ``day``; return the moves, in column order."""
        block, c = self._block, self._c
        moves: list[Move] = []
        self._beat = step.beat(block, c)
        cusum = step.remember(block, self._slot, c, happened, self._beat)
        self._check_evidence(day, happened, moves)
        changed = self._changes(day, cusum, moves)

        position = position_of(position_stats(block, self._beat), c, self._beat)
        best = position.score.argmax(axis=0)
        step.integrate(block, margins(position.score, best, self._slot, c), self.model.preset.h)
        if self._stale:
            self._confirm(best)
        if changed:
            block[AREA, changed] = 0.0
            block[REFERENCE, changed] = np.float32(placed(position.stats[:, changed], c)[:FEATURES])
        over = block[AREA] >= self.model.preset.theta
        if over.any():
            self._by_position(day, np.flatnonzero(over), best, position, moves)
        if self._without.size:
            self._assign(day, best, position, moves)
        if moves:
            self._refresh()
        return moves

    # --- labels and versions ------------------------------------------------------------------
    def _adopt(self) -> IntArray:
        """Adopt rows last stepped under another version; return their columns."""
        block, c = self._block, self._c
        fresh = np.flatnonzero(block[VERSION] != self.model.version)
        if fresh.size:
            # W of a slot that was reassigned since then belongs to another segment, so reset it.
            parts = parts_of(block)
            parts[:, : c.slots, fresh] *= c.since[:, None] <= block[VERSION, fresh]
            parts[:, c.slots :, fresh] = 0.0
            block[VERSION, fresh] = self.model.version
        return fresh

    def _refresh(self) -> None:
        """Recompute everything that changes only with a label."""
        c = self._c
        self._slot = c.slot_of(self._block[SEGMENT].astype(np.int64))
        self._without = np.flatnonzero(self._slot == c.slots)
        self._stale = bool((self._block[LABEL_VERSION] != self.model.version).any())

    def _confirm(self, best: IntArray) -> None:
        """Confirm under this version the labels of customers who are nearest to their own segment."""
        label = self._block[LABEL_VERSION]
        label[best == self._slot] = self.model.version
        self._stale = bool((label != self.model.version).any())

    # --- the ways to move ---------------------------------------------------------------------
    def _check_evidence(self, day: int, happened: step.Happened | None, moves: list[Move]) -> None:
        """Move customers back to `new` if reversals or a new evidence rule made their evidence insufficient."""
        watched = self._fresh
        if happened is not None:
            watched = np.union1d(watched, happened.at) if watched.size else happened.at
        self._fresh = self._fresh[:0]
        watched = watched[self._slot[watched] < self._c.slots]
        if not watched.size:
            return
        for at in watched[~step.eligible(self._block, watched, day, self._c)].tolist():
            block = self._block
            shown = self._shown(block[:, at : at + 1])
            moves.append(self._move(at, day, NEW_ID, self._event_or_time(at, day), "evidence", 0.0, 1.0, (), shown))
            self._label(at, NEW)
            block[CUSUM:AREA, at] = 0.0
        if moves:
            self._refresh()

    def _changes(self, day: int, cusum: FloatArray, moves: list[Move]) -> list[int]:
        """Step 4: move customers whose W passed the threshold and whose short memory is near the new segment."""
        block, c = self._block, self._c
        suspects = np.flatnonzero((cusum.max(axis=0) > self._least_eta) & (self._slot < c.slots))
        excess = cusum[:, suspects] - (self.model.preset.eta + c.allowance[self._slot[suspects]].T)
        enough = (excess > 0.0).any(axis=0)
        if not enough.any():
            return []
        suspects, excess = suspects[enough], excess[:, enough]
        away, each = self._slot[suspects], np.arange(suspects.size)
        window = block[:, suspects]
        rhythm = step.beat(window, c)
        to_slots, left = self._suspected(cusum[:, suspects], excess, away, rhythm)
        beyond = excess[to_slots, each]
        stats = short_stats(window, rhythm)
        there = left | lately_nearer(stats, c, rhythm, away, to_slots, beyond > SURE)
        changed = []
        for index in np.flatnonzero((beyond > 0.0) & (cusum[to_slots, suspects] > 0.0) & there).tolist():
            at, to = int(suspects[index]), int(to_slots[index])
            margin, reasons = change_reasons(block[:, at], c, int(self._slot[at]), to)
            sure = float(-np.expm1(-margin))
            cause = self._cause(at, day, to, margin)
            shown = features_of(placed(stats[:, index : index + 1], c, FULL_SHORT)[:, 0], c)
            moves.append(self._move(at, day, self._id(to), cause, "change", margin, sure, reasons, shown))
            step.trust_anew(block, at, c, to)
            self._label(at, int(c.codes[to]))
            changed.append(at)
        if changed:
            self._refresh()
        return changed

    def _suspected(
        self, cusum: FloatArray, excess: FloatArray, away: IntArray, rhythm: Beat | None
    ) -> tuple[IntArray, BoolArray]:
        """Return each suspect's slot with the largest W, and whether the suspect is overdue and suspected to order
        less.
        """
        to: IntArray = excess.argmax(axis=0)
        late = np.zeros(len(to), dtype=np.bool_)
        if rhythm is None:
            return to, late
        late[rhythm.at] = overdue(rhythm)
        costs, each = self._c.silence[0, :, 0], np.arange(len(to))
        least = int(costs.argmin())
        late &= costs[to] < costs[away]
        late_to_least = late & (away != least) & (cusum[least] > cusum[to, each] - ABOUT_AS_MUCH)
        return np.where(late_to_least, least, to), late

    def _by_position(self, day: int, over: IntArray, best: IntArray, position: Position, moves: list[Move]) -> None:
        """Step 5: move customers whose margin has stayed above ``h`` long enough."""
        block, c = self._block, self._c
        there, slots = position.of(over, c), best[over]
        features, confidences = all_features_of(there.x, c), confidences_of(there.score, slots)
        for index, (at, to) in enumerate(zip(over.tolist(), slots.tolist(), strict=True)):
            shown, sure = features[index], confidences[index]
            margin, reasons = why_moved(there, index, block[REFERENCE, at], shown, c, int(self._slot[at]), to)
            cause = self._cause(at, day, to)
            moves.append(self._move(at, day, self._id(to), cause, "position", margin, sure, reasons, shown))
        self._label_all(over, slots, there.x)

    def _assign(self, day: int, best: IntArray, position: Position, moves: list[Move]) -> None:
        """Assign a segment to customers who have none in this version, or `new` if there is too little evidence."""
        block, c = self._block, self._c
        without = self._without
        ready = step.eligible(block, without, day, c)
        due = ready | (block[SEGMENT, without] != NEW)
        if not due.any():
            return
        without, ready = without[due], ready[due]
        there, slots = position.of(without, c), best[without]
        others = there.score.copy()
        others[slots, np.arange(len(without))] = -np.inf
        second = others.argmax(axis=0)
        only = ~np.isfinite(others.max(axis=0))
        codes = block[SEGMENT, without].astype(np.int64).tolist()
        features, confidences = all_features_of(there.x, c), confidences_of(there.score, slots)
        for index, (at, to) in enumerate(zip(without.tolist(), slots.tolist(), strict=True)):
            cause, path = self._first_cause(at, day, codes[index])
            shown = features[index]
            if not ready[index]:
                moves.append(self._move(at, day, NEW_ID, cause, path, 0.0, 1.0, (), shown))
                continue
            runner_up = None if only[index] else int(second[index])
            margin, reasons = why_assigned(there, index, shown, c, to, runner_up)
            sure = confidences[index]
            moves.append(self._move(at, day, self._id(to), cause, path, margin, sure, reasons, shown))
        self._label(without[~ready], NEW)
        self._label_all(without[ready], slots[ready], there.x[:, ready])

    def _label_all(self, at: IntArray, slots: IntArray, x: FloatArray) -> None:
        """Set the labels of columns to ``slots``, with their features (FEATURES + 1, m), and reset W and area."""
        block = self._block
        block[SEGMENT, at] = self._c.codes[slots]
        block[LABEL_VERSION, at] = self.model.version
        block[REFERENCE, at] = np.float32(x[:FEATURES])
        block[CUSUM : AREA + 1, at] = 0.0

    # --- causes -------------------------------------------------------------------------------
    def _first_cause(self, at: int, day: int, code: int) -> tuple[str, str]:
        if code == UNASSIGNED:
            # A model was in force on the second day, so the customer would have been `new` since then.
            known = day - int(self._block[FIRST_DAY, at]) > 1
            return ("refit" if known else self._event_or_time(at, day)), "first"
        if code == NEW:
            return self._event_or_time(at, day), "first"
        return "refit", "vanished"

    def _cause(self, at: int, day: int, to: int, suspicion: float | None = None) -> str:
        """Return the cause of a move: ``refit`` unless the version that assigned the old label prefers the new segment
        too.
        """
        block = self._block
        old = self._giver(int(block[LABEL_VERSION, at]))
        if old is not self.model:
            c = compiled(old)
            codes = np.array([int(block[SEGMENT, at]), int(self._c.codes[to])])
            own, other = c.slot_of(codes).tolist()
            if c.slots in (own, other):
                return "refit"
            column = block[:, at : at + 1]
            rhythm = step.beat(column, c)
            if old.frame.priors.gap_cv2 is None and step.beat(column, self._c) is not None:
                # That version took a regular buyer's phase for a habit, so its present result is no more reliable.
                return "refit"
            # Only a change of thresholds makes the W too small; small changes of the tables do not.
            rules = old.preset != self.model.preset
            if suspicion is not None and rules and suspicion <= old.preset.eta + c.allowance[own, other]:
                return "refit"
            if not (preferred if suspicion is None else preferred_lately)(column, rhythm, c, own, other):
                return "refit"
        return self._event_or_time(at, day)

    def _giver(self, version: int) -> ClusterModel:
        """Return the model of ``version``, or the nearest later one still in the timeline."""
        later = [m for _, m in self._timeline if version <= m.version <= self.model.version]
        return min(later, key=lambda m: m.version, default=self.model)

    def _shown(self, column: FloatArray) -> dict[str, float]:
        """Return the readable features of the long memory of a column (WIDTH, 1)."""
        return features_of(placed(position_stats(column, step.beat(column, self._c)), self._c)[:, 0], self._c)

    def _event_or_time(self, at: int, day: int) -> str:
        return "event" if day - self._block[LAST_EVENT, at] <= OWN_EVENT_DAYS else "time"

    def _id(self, slot: int) -> str:
        segment_id = self.model.id_of(int(self._c.codes[slot]))
        assert segment_id is not None
        return segment_id

    def _label(self, at: int | IntArray, code: int) -> None:
        self._block[SEGMENT, at] = code
        self._block[LABEL_VERSION, at] = self.model.version

    def _move(
        self,
        at: int,
        day: int,
        to_id: str,
        cause: str,
        path: str,
        margin: float,
        confidence: float,
        reasons: tuple[Reason, ...],
        features: dict[str, float],
    ) -> Move:
        return Move(
            row=int(self._rows[at]),
            day=day,
            from_id=self.model.id_of(int(self._block[SEGMENT, at])),
            to_id=to_id,
            version=self.model.version,
            cause=cause,
            path=path,
            margin=margin,
            confidence=confidence,
            reasons=reasons,
            features=features,
        )
