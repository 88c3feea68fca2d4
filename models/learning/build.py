"""Builds a model version from a clustering of the panel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.behaviour.features import Priors, feature_rows, position_stats, readable
from models.behaviour.layout import (
    DAY,
    FEATURES,
    FIRST_CODE,
    FIRST_DAY,
    GAP_MEAN,
    GAPS,
    INTERACTION_COUNT,
    LAST_EVENT,
    ORDER_COUNT,
    SLOTS,
    FloatArray,
    IntArray,
)
from models.behaviour.model import VOLUME, ClusterModel, Evidence, Frame, Preset, Segment, Transition
from models.behaviour.rhythm import beat_of, regularity, usual_cv2
from models.behaviour.tables import fit_table
from models.learning.diary import Diary, phi, sigma2
from models.learning.frame import into_frame, silent_features
from models.learning.identity import overlaps, transitions
from models.learning.kmeans import Fit, nearest
from models.learning.naming import EVERYBODY, id_for, names_for, prototype_of, stretched_ranks, untrue

QUIET_DAYS = 45
"""Minimum age in days at which a customer without the evidence for a segment is included in the sample."""

USUAL_GAP_DAYS = 45.0
"""Gap between orders, in days, assumed for a customer without a known gap."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Panel customers from whom clusters are learned, as columns in the order of their ids.

    Parameters
    ----------
    stats
        L + R clipped at 0, (VECTOR, n).
    recency
        Days since the last event, (n,).
    block
        The memory rows, (WIDTH, n); None if only statistics are known, which are then used unchanged.
    """

    day: int
    stats: FloatArray
    recency: FloatArray
    diaries: tuple[Diary, ...]
    customers: tuple[str, ...] = ()
    block: FloatArray | None = None

    @property
    def gap_cv2(self) -> float | None:
        """The shop's usual variation of gaps (``rhythm.usual_cv2``), for a frame fitted on this sample."""
        return None if self.block is None else usual_cv2(self.block)

    def under(self, gap_cv2: float | None) -> FloatArray:
        """Return the statistics (VECTOR, n) without the phase, as lanes compute them with this ``Priors.gap_cv2``."""
        if self.block is None:
            return self.stats
        return position_stats(self.block, beat_of(self.block, gap_cv2))

    def regular(self, priors: Priors) -> FloatArray:
        """Return the regularity of each customer's orders, 0 to 1, (n,)."""
        if self.block is None or priors.gap_cv2 is None:
            return np.zeros(self.stats.shape[1])
        return regularity(self.block, priors.gap_cv2)

    @property
    def overdue(self) -> FloatArray:
        """Days since the last event over the customer's own mean gap between orders, (n,)."""
        gap = np.full(len(self.recency), USUAL_GAP_DAYS)
        if self.block is not None:
            known = self.block[GAPS] > 0
            gap[known] = np.maximum(self.block[GAP_MEAN, known], 1.0)
        late: FloatArray = self.recency / gap
        return late

    def features(self, frame: Frame) -> FloatArray:
        """Return the features (n, FEATURES) under the priors of a frame."""
        return np.ascontiguousarray(feature_rows(self.under(frame.priors.gap_cv2), frame.priors)[:FEATURES].T)

    def points(self, frame: Frame) -> FloatArray:
        """Return the customers as points of the frame, (n, axes)."""
        return into_frame(self.features(frame), frame)


def sample_of(
    block: FloatArray, diaries: Sequence[Diary], evidence: Evidence, day: int, customers: Sequence[str]
) -> Sample:
    """Return the sample at ``day`` from a block (WIDTH, n) stepped to that day.

    ``learned_from`` selects its customers.
    """
    chosen = learned_from(block, evidence)
    rows = block[:, chosen]
    return Sample(
        day=day,
        stats=position_stats(rows),
        recency=np.maximum(day - rows[LAST_EVENT], 0.0),
        diaries=tuple(diaries[at] for at in chosen.tolist()),
        customers=tuple(customers[at] for at in chosen.tolist()),
        block=rows,
    )


def learned_from(block: FloatArray, evidence: Evidence) -> IntArray:
    """Return the columns of a block (WIDTH, n) to learn clusters from.

    These are customers with the evidence for a segment, and all customers older than QUIET_DAYS: low activity
    characterises them, and the quiet cluster would appear late without them.
    """
    enough = (block[ORDER_COUNT] >= evidence.orders) | (block[INTERACTION_COUNT] >= evidence.interactions)
    age = block[DAY] - block[FIRST_DAY]
    return np.flatnonzero((enough & (age >= evidence.age_days)) | (age >= QUIET_DAYS)).astype(np.int64)


def build(
    sample: Sample,
    frame: Frame,
    fit: Fit,
    heirs: Sequence[Segment | None],
    *,
    version: int,
    parent: ClusterModel | None,
    preset: Preset,
    evidence: Evidence,
) -> ClusterModel:
    """Build the model version of a fit.

    Parameters
    ----------
    heirs
        For each cluster, the segment of ``parent`` that it continues with the same id, name, code and slot, or None.
        Clusters without one get a name that no segment of the parent has, and an unused id and code.
    """
    k = len(fit.centroids)
    x = sample.features(frame)
    stats = sample.under(frame.priors.gap_cv2)
    rates = feature_rows(stats, replace(frame.priors, least_part=0.0))[:FEATURES].T
    spread = sigma2(sample.diaries)
    names, ids, codes, slots, since = _identities(sample, x, frame, fit, heirs, parent, version)
    segments = []
    for i in range(k):
        members = fit.labels == i
        mean = rates[members].mean(axis=0) if members.any() else np.array(frame.mu)
        table = fit_table(stats[:, members], spread, frame.priors.log_basket, frame.priors.discount)
        segments.append(
            Segment(
                segment_id=ids[i],
                name=names[i],
                code=codes[i],
                slot=slots[i],
                slot_since=since[i],
                centroid=tuple(fit.centroids[i].tolist()),
                order_rate=table.order_rate,
                click_rate=table.click_rate,
                order_shape=table.order_shape,
                click_shape=table.click_shape,
                log_basket=table.log_basket,
                log_basket_var=table.log_basket_var,
                basket=table.basket,
                discount=table.discount,
                orders_a_day=table.orders_a_day,
                share=float(members.mean()),
                typical=readable(mean, frame.priors),
            )
        )
    segments.sort(key=lambda s: s.code)
    gone = [(s.code, s.segment_id) for s in parent.segments if s.code not in codes] if parent else []
    record: tuple[Transition, ...] = ()
    if parent is not None:
        old = labels_under(parent, sample)
        order = np.argsort(np.argsort([codes[i] for i in range(k)]))
        record = transitions(overlaps(old, order[fit.labels], parent.k, k), parent.segments, segments)
    return ClusterModel(
        version=version,
        frame=frame,
        segments=tuple(segments),
        sigma2=spread,
        phi=phi(sample.diaries, sample.day),
        preset=preset,
        evidence=evidence,
        parent=parent.version if parent else 0,
        retired=(*parent.retired, *gone) if parent else (),
        transitions=record,
        made_on=sample.day,
    )


def labels_under(model: ClusterModel, sample: Sample) -> IntArray:
    """Return the index of each customer's nearest segment in ``model.segments``."""
    centroids = np.array([s.centroid for s in model.segments])
    return nearest(sample.points(model.frame), centroids).labels


def _identities(
    sample: Sample,
    x: FloatArray,
    frame: Frame,
    fit: Fit,
    heirs: Sequence[Segment | None],
    parent: ClusterModel | None,
    version: int,
) -> tuple[list[str], list[str], list[int], list[int], list[int]]:
    unnamed = [i for i, heir in enumerate(heirs) if heir is None]
    before = parent.segments if parent else ()
    given = _new_names(sample, x, frame, fit, unnamed, before) if unnamed else {}
    used_ids, next_code = _given_ever(parent)
    # The slot of a vanishing segment is free at once: ``slot_since`` marks the change for rows.
    free = [s for s in range(SLOTS) if s not in {heir.slot for heir in heirs if heir}]
    names, ids, codes, slots, since = [], [], [], [], []
    for i, heir in enumerate(heirs):
        if heir is not None:
            names.append(heir.name)
            ids.append(heir.segment_id)
            codes.append(heir.code)
            slots.append(heir.slot)
            since.append(heir.slot_since)
            continue
        names.append(given[i])
        ids.append(id_for(given[i], used_ids))
        used_ids.add(ids[-1])
        codes.append(next_code)
        next_code += 1
        slots.append(free.pop(0))
        since.append(version)
    return names, ids, codes, slots, since


def _given_ever(parent: ClusterModel | None) -> tuple[set[str], int]:
    """Return all ids used so far, and the first unused code."""
    if parent is None:
        return set(), FIRST_CODE
    ids = {s.segment_id for s in parent.segments} | {segment_id for _, segment_id in parent.retired}
    codes = {s.code for s in parent.segments} | {code for code, _ in parent.retired}
    return ids, max(codes, default=FIRST_CODE - 1) + 1


def _new_names(
    sample: Sample, x: FloatArray, frame: Frame, fit: Fit, unnamed: Sequence[int], before: Sequence[Segment]
) -> dict[int, str]:
    """Return names, for the clusters ``unnamed``, that no earlier segment has."""
    if len(fit.centroids) == 1:
        return dict.fromkeys(unnamed, EVERYBODY)
    ranks = stretched_ranks(np.column_stack([x, sample.recency]), fit.labels, len(fit.centroids))
    ranks[:, silent_features(frame)] = 0.5
    # A renamed segment reserves its prototype's name while it lives.
    taken = {s.name for s in before} | {prototype_of(s.segment_id) for s in before}
    steps = frame.kind == VOLUME
    return names_for(ranks, unnamed, taken, steps, untrue(x, sample.overdue, fit.labels, len(fit.centroids), steps))
