"""Plays a shop day by day through the behaviour memory and its learner, without the rest of the service.

It makes the same calls as a lane, in the same order: the day's events into the buckets, panel rows to the owner, the
owner's learning, then the daily step. The result is what the service would publish.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from time import process_time

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from models.behaviour import bucket
from models.behaviour.daily_step import advance
from models.behaviour.features import block_of, position_stats
from models.behaviour.layout import INTERACTION_COUNT, ORDER_COUNT, SEGMENT, BoolArray, IntArray
from models.behaviour.memory import Memory
from models.behaviour.model import ClusterModel
from models.behaviour.moves import Move
from models.behaviour.panel import PanelRow, in_panel, shift_for
from models.behaviour.rhythm import beat_of
from models.learning.backtest import NoiseSample
from models.learning.learner import Learner, LearnerConfig
from streamer.evaluate.activity import Activity

Labels = NDArray[np.int16]


@dataclass(slots=True)
class Run:
    """The result of playing a shop.

    Attributes
    ----------
    labels
        Shape (days + 1, customers): segment code at each grid day; 0 before the first assignment, 1 ``new``.
    evidence
        Shape (days + 1, customers): whether the customer had enough evidence for a cluster, apart from age.
    moves
        All moves; ``row`` is the index in ``Activity.customers``.
    timeline
        Versions by the grid day on which they came into force.
    figures
        The learner's results, by grid day.
    looks
        Statistics of all known customers, by day from 0.
    learner_seconds
        CPU time of the learner, for rows and for learning.
    """

    labels: Labels
    evidence: BoolArray
    moves: list[Move]
    timeline: list[tuple[int, ClusterModel]]
    memory: Memory
    learner: Learner
    figures: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    noise_samples: dict[int, NoiseSample] = field(default_factory=dict)
    learner_seconds: float = 0.0

    @property
    def model(self) -> ClusterModel | None:
        """The last published version."""
        return self.timeline[-1][1] if self.timeline else None


def play(
    activity: Activity,
    config: LearnerConfig,
    *,
    panel: Callable[[str], bool] | None = None,
    until: int | None = None,
    look_days: tuple[int, ...] = (),
) -> Run:
    """Play ``activity`` up to day ``until``, by default to the end.

    Parameters
    ----------
    panel
        Returns whether a customer is in the panel. Default: the service's hashed panel of about 2,000 customers.
    look_days
        Days (from 0) at whose grid point all statistics are stored in ``Run.looks``.
    """
    days, base = activity.days if until is None else until, activity.first_day
    count = len(activity.customers)
    seen = int((activity.met < days).sum())
    shift = shift_for(seen)
    learner = Learner(replace(config, shift=shift))
    chosen = panel or (lambda customer: in_panel(customer, shift))
    member = [chosen(customer) for customer in activity.customers]
    memory = Memory(max(count, 1))
    run = Run(
        np.zeros((days + 1, count), dtype=np.int16),
        np.zeros((days + 1, count), dtype=np.bool_),
        [],
        [],
        memory,
        learner,
    )
    row_of = np.full(count, -1, dtype=np.int64)
    arrivals = np.argsort(activity.met, kind="stable")
    arrived = 0
    need = config.evidence
    for day in range(days):
        while arrived < count and activity.met[arrivals[arrived]] <= day:
            row_of[arrivals[arrived]] = memory.new_row(base + day)
            arrived += 1
        rows_of_today = _trade(activity, day, memory, row_of, member)
        begun = process_time()
        for panel_row in rows_of_today:
            learner.observe(panel_row)
        learned = learner.learn(base + day)
        run.learner_seconds += process_time() - begun
        if (learned.figures and learned.outcome != "kept") or "inertia_ratio" in learned.figures:
            run.figures.append((base + day, learned.figures))
        if learned.model is not None:
            run.timeline.append((base + day + 1, learned.model))
        here = arrivals[:arrived]
        rows = row_of[here]
        run.moves += _named(advance(memory, rows, np.full(len(rows), base + day + 1), run.timeline), rows, here)
        run.labels[day + 1, here] = memory.matrix[rows, SEGMENT]
        if day + 1 in look_days:
            run.noise_samples[day + 1] = _everybody(run, base + day + 1, rows, [activity.customers[at] for at in here])
        run.evidence[day + 1, here] = (memory.matrix[rows, ORDER_COUNT] >= need.orders) | (
            memory.matrix[rows, INTERACTION_COUNT] >= need.interactions
        )
    return run


def _trade(activity: Activity, day: int, memory: Memory, row_of: IntArray, member: Sequence[bool]) -> list[PanelRow]:
    """Add a day's events to the memory; return the rows of active panel customers."""
    begin, end = int(activity.edges[day]), int(activity.edges[day + 1])
    who = activity.customer[begin:end].tolist()
    rows = []
    for customer, values in zip(who, activity.buckets[begin:end].tolist(), strict=True):
        row = int(row_of[customer])
        memory.buckets[row] = bucket.of_numbers(values)
        if member[customer]:
            rows.append(PanelRow(activity.customers[customer], activity.first_day + day, memory.dump(row)))
    return rows


def _everybody(run: Run, day: int, rows: IntArray, customers: Sequence[str]) -> NoiseSample:
    """Return the statistics of all customers, as the version in force sees them."""
    block = block_of(run.memory, rows)
    usual = None if run.model is None else run.model.frame.priors.gap_cv2
    stats = position_stats(block, beat_of(block, usual)).astype(np.float32)
    return NoiseSample(day, tuple(customers), stats)


def _named(moves: Sequence[Move], rows: IntArray, here: IntArray) -> list[Move]:
    """Return the moves with the customer's index in place of the memory's row."""
    if not moves:
        return []
    place = dict(zip(rows.tolist(), here.tolist(), strict=True))
    return [structs.replace(move, row=place[move.row]) for move in moves]
