"""The owner of the clusters: keeps the panel, learns from it, and decides when to publish a version.

Learning never moves a customer by itself. The owner publishes a version only if the clusters changed materially; a
change of their number, or a new frame after the first ones, is a proposal that a person must approve (``decisions``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.behaviour.daily_step import advance
from models.behaviour.features import block_of
from models.behaviour.layout import FIRST_DAY, LAST_EVENT, ORDER_COUNT, FloatArray
from models.behaviour.memory import Memory
from models.behaviour.model import VOLUME, ClusterModel, Frame, Segment
from models.behaviour.panel import PanelRow, in_panel
from models.learning import cadence
from models.learning.backtest import SPACING_DAYS, NoiseSample
from models.learning.build import Sample, build, labels_under, sample_of
from models.learning.diary import Diary
from models.learning.drift import alarms_of
from models.learning.frame_selection import KEPT_SAMPLES, fit_frame
from models.learning.identity import carried, in_order, overlaps
from models.learning.kmeans import Fit, lloyd
from models.learning.owner_snapshot import pack, unpack
from models.learning.owner_types import Learned, LearnerConfig, State
from models.learning.proposal import NEW_FRAME, NEW_NUMBER, Proposal, tried
from models.learning.reason import Reason
from models.learning.row_stream import RowStream
from models.learning.separation import supported
from models.learning.structure import carried_over, fresh, made_of_phases, stable_number, with_rhythm
from models.learning.watch import shift_between, stability_index

_KEPT_VERSIONS = 12


class Learner:
    """The learner of one owner. Deterministic: the same observations and days produce the same models."""

    def __init__(self, config: LearnerConfig | None = None) -> None:
        self.config = config or LearnerConfig()
        self.shift = self.config.shift
        self.memory = Memory(1024)
        self.members: dict[str, tuple[int, Diary]] = {}
        self.state = State()
        self.stream = RowStream(self.config.clusterer, self.config.evidence)

    @property
    def model(self) -> ClusterModel | None:
        """The published version."""
        return self.state.timeline[-1][1] if self.state.timeline else None

    # --- the panel ----------------------------------------------------------------------------
    def observe(self, row: PanelRow) -> None:
        """Add a lane's row of a panel customer. Rows older than the known state are ignored."""
        if not row.blob:
            self._forget(row.customer)
            self.state.noise_samples = [noise.without(row.customer) for noise in self.state.noise_samples]
            return
        if self.shift and not in_panel(row.customer, self.shift):
            return
        known = self.members.get(row.customer)
        if known is None:
            at = self.memory.load(row.blob)
            diary = Diary(int(self.memory.matrix[at, FIRST_DAY]), row.day)
            self.members[row.customer] = (at, diary)
        else:
            at, diary = known
            if row.day < diary.open_day:
                return
            self.memory.reload(at, row.blob)
        first = int(self.memory.matrix[at, FIRST_DAY])
        self.state.shop_first_day = min(first, self.state.shop_first_day or first)
        if self.stream.take(row.customer, row.blob):
            self.drain()
        diary.note_bucket(row.day, self.memory.buckets.get(at))

    def set_shift(self, shift: int) -> None:
        """Switch to a sparser panel, one in 2**shift; customers outside it are dropped."""
        self.shift = shift
        for customer in [c for c in self.members if not in_panel(c, shift)]:
            self._forget(customer)

    def _forget(self, customer: str) -> None:
        known = self.members.pop(customer, None)
        if known is not None:
            self.memory.free(known[0])
            self.stream.forget(customer)

    def drain(self) -> None:
        """Learn the waiting rows, under the version in force."""
        self.stream.drain(None if self.model is None else self.model.frame, self.state.working)

    # --- learning -----------------------------------------------------------------------------
    def learn(self, day: int) -> Learned:
        """Learn from the panel as of grid day ``day``. Call it on any day: the learner keeps its own schedule.

        Inactive members are aged to ``day`` first, so lanes need not write rows for them. Calls before
        ``State.next_day`` do nothing; afterwards it holds the next day worth a call.
        """
        if day < self.state.next_day:
            return Learned(cadence.standing(self.state, self.config, day))
        learned = self._learn(day)
        self.state.next_day = cadence.next_day(self.state, self.config, day)
        return learned

    def _learn(self, day: int) -> Learned:
        state, config = self.state, self.config
        self.drain()
        due = cadence.frames_due(state, config, day)
        if cadence.waits(state, config, day) and due <= state.frames_done:
            return Learned("kept")
        sample, buyers = self._draw_sample(day)
        self._keep(sample)
        figures = {
            "members": float(len(self.members)),
            "with_evidence": float(sample.stats.shape[1]),
            "buyers": float(buyers),
        }
        if not due:
            return Learned("immature", figures=figures)
        if buyers << self.shift < config.min_buyers or sample.stats.shape[1] < config.min_members:
            return Learned("too_few", figures=figures)
        state.last_update = day
        rng = np.random.default_rng((config.seed, day))
        if due > state.frames_done:
            state.frames_done = due
            return Learned("promoted", self._new_frame(sample, rng, figures), figures=figures)
        return self._update(sample, rng, figures)

    def adopt(self, proposal: Proposal, day: int) -> ClusterModel:
        """Publish a proposal, rebuilt on the panel as of ``day``."""
        self.drain()
        sample, _ = self._draw_sample(day)
        frame = proposal.model.frame
        fit = lloyd(sample.points(frame), np.array([s.centroid for s in proposal.model.segments]))
        self.state.last_update = day
        return self._publish(sample, frame, fit, self._heirs(sample, fit))

    def _draw_sample(self, day: int) -> tuple[Sample, int]:
        """Age the panel to ``day`` and drop long-inactive customers; return the sample and the number of buyers."""
        # Sort by id, so that the result does not depend on the order of arrival.
        ids = sorted(self.members)
        rows = np.array([self.members[customer][0] for customer in ids], dtype=np.int64)
        silent = day - self.memory.matrix[rows, LAST_EVENT] > self.config.silent_days
        for at in np.flatnonzero(silent).tolist():
            self._forget(ids[at])
        if silent.any():
            ids, rows = [customer for customer in ids if customer in self.members], rows[~silent]
        moves = advance(self.memory, rows, np.full(len(rows), day), self.state.timeline)
        self.state.drift.note_moves(moves, dict(zip(rows.tolist(), ids, strict=True)), day)
        diaries = [self.members[customer][1] for customer in ids]
        for diary in diaries:
            if diary.open_day < day:
                diary.close()
        block = block_of(self.memory, rows)
        sample = sample_of(block, diaries, self.config.evidence, day, ids)
        return sample, int((block[ORDER_COUNT] >= 1).sum())

    def _keep(self, sample: Sample) -> None:
        """Keep a noise sample every four weeks, to separate noise from behaviour and to backtest frames."""
        noise_samples = self.state.noise_samples
        if noise_samples and noise_samples[-1].day // SPACING_DAYS == sample.day // SPACING_DAYS:
            return
        noise = NoiseSample(sample.day, sample.customers, sample.under(sample.gap_cv2).astype("<f4"))
        self.state.noise_samples = [*noise_samples, noise][-KEPT_SAMPLES:]

    def _new_frame(self, sample: Sample, rng: np.random.Generator, figures: dict[str, float]) -> ClusterModel:
        """Fit a frame and its clusters; matching clusters inherit their identity."""
        before = self.model
        frame, fit = fresh(sample, self.state.noise_samples, self.config, rng, figures)
        # While the first frames are fitted, the number of segments may change too.
        if before is not None and len(fit.centroids) == before.k:
            fit = carried_over(sample, sample.points(frame), before, self.config.better, rng)
        return self._publish(sample, frame, fit, self._heirs(sample, fit))

    def _update(self, sample: Sample, rng: np.random.Generator, figures: dict[str, float]) -> Learned:
        """Run the weekly update in the same frame: continue from the working centroids, run the challenger, check k."""
        state, config, model = self.state, self.config, self.model
        assert model is not None and state.working is not None
        frame = with_rhythm(model.frame, sample)
        if frame != model.frame and made_of_phases(frame):
            return Learned("promoted", self._new_frame(sample, rng, figures), figures=figures)
        z = sample.points(frame)
        fit, challenger = self.stream.update(z, state.working, rng, figures)
        state.working = fit.centroids
        self._compare(sample, frame, z, fit, challenger, figures)
        if not config.clusterer.ours:
            # River's centres are published instead of a fresh fit of ours, so they may drift from group to group.
            challenger = fit
        if model.k == 1 and config.k is None:
            return self._one_segment(sample, frame, fit, rng, figures)
        if state.beaten >= config.streak:
            heirs = self._heirs(sample, challenger)
            return Learned("promoted", self._publish(sample, frame, challenger, heirs), None, figures)
        proposal = self._check_number(sample, z, rng, figures)
        withdrawn = self._withdrawn(figures)
        proposal = proposal or self._check_drift(sample, rng, figures)
        if proposal is not None and proposal.moves_at_most(config.adopt_share):
            return Learned("promoted", self.adopt(proposal, sample.day), proposal, figures, withdrawn)
        candidate = self._moved(sample, frame, fit, figures)
        if candidate is not None:
            return Learned("moved", self._release(candidate, sample.day), proposal, figures, withdrawn)
        outcome = "proposed" if proposal else "withdrawn" if withdrawn else "kept"
        return Learned(outcome, None, proposal, figures, withdrawn)

    def _compare(
        self, sample: Sample, frame: Frame, z: FloatArray, fit: Fit, challenger: Fit, figures: dict[str, float]
    ) -> None:
        """Compare the working clusters with the challenger and those in force; count the challenger's better weeks."""
        state, model = self.state, self.model
        assert model is not None
        figures["inertia_ratio"] = fit.inertia / max(challenger.inertia, 1e-12)
        figures["share_psi"] = stability_index([s.share for s in model.segments], fit.labels)
        distances = np.sqrt(((z - fit.centroids[fit.labels]) ** 2).sum(axis=1))
        if frame != model.frame:
            state.drift.begin(sample.features(frame))
        figures.update(state.drift.update(sample.features(frame), distances, sample.day))
        # Points of another frame cannot be compared with last week's challenger.
        beaten = model.k > 1 and frame == model.frame and self._no_longer_these(sample, fit, challenger)
        state.beaten = state.beaten + 1 if beaten else 0

    def _no_longer_these(self, sample: Sample, fit: Fit, challenger: Fit) -> bool:
        """Return whether to replace the working clusters: ours by a fresh fit, River's if a centre has no members left."""
        if self.config.clusterer.ours:
            return challenger.inertia < (1 - self.config.better) * fit.inertia
        return None in self._heirs(sample, fit)

    def _one_segment(
        self, sample: Sample, frame: Frame, fit: Fit, rng: np.random.Generator, figures: dict[str, float]
    ) -> Learned:
        """Run the weekly update of a shop with one segment: test whether a frame fitted today separates its customers.

        Groups found twice in a row are adopted at once, because no member has a segment yet that could change
        unexpectedly.
        """
        state = self.state
        state.beaten = 0
        if self._due_for_k(sample.day):
            today, groups = fresh(sample, state.noise_samples, self.config, rng, figures)
            before, state.other_k = state.other_k, len(groups.centroids) if len(groups.centroids) > 1 else 0
            if before and state.other_k:
                return Learned("promoted", self._publish(sample, today, groups, [None] * state.other_k), None, figures)
        candidate = self._moved(sample, frame, fit, figures)
        if candidate is None:
            return Learned("kept", None, None, figures)
        return Learned("moved", self._release(candidate, sample.day), None, figures)

    def _moved(self, sample: Sample, frame: Frame, fit: Fit, figures: dict[str, float]) -> ClusterModel | None:
        """Return the current clusters, if they moved enough to justify a version; otherwise None."""
        model, config = self.model, self.config
        assert model is not None
        heirs: list[Segment | None] = list(model.segments)
        if not config.clusterer.ours and model.k > 1:
            # Centroid i is segment i of the published model only for our own clusterer.
            heirs = self._heirs(sample, fit)
            if None in heirs:
                return None
        candidate = self._build(sample, frame, fit, heirs)
        shifts, figures["table_shift"] = shift_between(model, candidate)
        figures.update({f"shift_{segment}": shift for segment, shift in shifts.items()})
        figures["centroid_shift"] = max(shifts.values())
        material = figures["centroid_shift"] > config.tolerance or figures["table_shift"] > config.table_tolerance
        # A version keeps the thresholds it was published with. Moves caused by newer thresholds count as a refit.
        if frame != model.frame or candidate.preset != model.preset:
            return candidate
        # Publishing clusters that a challenger is beating would move customers twice.
        return candidate if material and not self.state.beaten else None

    def _due_for_k(self, day: int) -> bool:
        """Return whether the check of the number of segments is due, and if so mark it as done."""
        due = cadence.number_is_due(self.state, self.config, day)
        if due:
            self.state.last_k_look = day
        return due

    def _check_number(
        self, sample: Sample, z: FloatArray, rng: np.random.Generator, figures: dict[str, float]
    ) -> Proposal | None:
        """Propose another number of segments if two fortnightly checks in a row find it."""
        state, config, model = self.state, self.config, self.model
        assert model is not None
        # Volume is a matter of degree, so the data determine no number of segments.
        if config.k is not None or model.frame.kind == VOLUME or not self._due_for_k(sample.day):
            return None
        k, fit = supported(sample, model.frame, stable_number(z, config, rng, figures), rng, figures)
        state.reason.looked_at_k(k, model.k)
        before, state.other_k = state.other_k, k if k != model.k else 0
        if not state.other_k or before != k:
            return None
        waiting = state.proposal
        if waiting is not None and (waiting.why, waiting.model.k) == (NEW_NUMBER, k):
            return None
        return self._propose(sample, NEW_NUMBER, self._build(sample, model.frame, fit, self._heirs(sample, fit)))

    def _withdrawn(self, figures: dict[str, float]) -> Proposal | None:
        """Drop the waiting proposal if its reason no longer holds."""
        state = self.state
        # While a challenger leads, the shares belong to the beaten clusters and are no evidence about the shop.
        if not state.beaten:
            state.reason.looked_at_drift(alarms_of(figures), state.drift)
        waiting = state.proposal
        if waiting is None or not state.reason.gone(waiting, state.drift):
            return None
        state.proposal = None
        return waiting

    def _check_drift(self, sample: Sample, rng: np.random.Generator, figures: dict[str, float]) -> Proposal | None:
        """Propose the same clusters in a new frame if the panel has drifted away from its frame; at most monthly."""
        state, model = self.state, self.model
        assert model is not None
        alarms = alarms_of(figures)
        if not (alarms and cadence.new_frame_is_due(state, self.config, sample.day)):
            return None
        state.last_alarm = sample.day
        frame = fit_frame(model.frame.kind, sample, state.noise_samples, range(model.k, model.k + 1), rng, {})
        fit = carried_over(sample, sample.points(frame), model, self.config.better, rng)
        return self._propose(sample, NEW_FRAME, self._build(sample, frame, fit, self._heirs(sample, fit)), alarms)

    def _propose(
        self, sample: Sample, why: str, candidate: ClusterModel, alarms: tuple[str, ...] = ()
    ) -> Proposal | None:
        """Try a candidate and make it the waiting proposal, unless the same one was rejected recently."""
        state = self.state
        # Sort by id, because the order of arrival differs after a restart.
        rows = [self.members[customer][0] for customer in sorted(self.members)]
        trial = tried(self.memory, rows, state.timeline, candidate, sample.day)
        proposal = Proposal(state.proposals + 1, sample.day, why, candidate, trial, alarms)
        refused = state.turned_down.get(proposal.subject)
        if refused is not None and sample.day - refused < self.config.no_means_days:
            return None
        state.proposals += 1
        state.proposal, state.reason = proposal, Reason()
        state.reason.looked_at_drift(alarms, state.drift)
        return proposal

    # --- versions -----------------------------------------------------------------------------
    def _heirs(self, sample: Sample, fit: Fit) -> list[Segment | None]:
        """Return the published segment that each cluster of ``fit`` continues, by overlap of members."""
        model, k = self.model, len(fit.centroids)
        # A single segment has no predecessor or successor; it only means that customers cannot be separated.
        if model is None or (k == 1) != (model.k == 1):
            return [None] * k
        if model.frame.kind == VOLUME and fit.centroids.shape[1] == 1 and k == model.k:
            return list(in_order([s.centroid[0] for s in model.segments], fit.centroids[:, 0], model.segments))
        table = overlaps(labels_under(model, sample), fit.labels, model.k, k)
        return [None if i is None else model.segments[i] for i in carried(table)]

    def _build(self, sample: Sample, frame: Frame, fit: Fit, heirs: Sequence[Segment | None]) -> ClusterModel:
        config = self.config
        return build(
            sample,
            frame,
            fit,
            heirs,
            version=self.state.last_version + 1,
            parent=self.model,
            preset=config.preset.in_frame(frame.kind),
            evidence=config.evidence,
        )

    def _publish(self, sample: Sample, frame: Frame, fit: Fit, heirs: Sequence[Segment | None]) -> ClusterModel:
        """Publish a new structure, and reset the counters and proposals of the old one."""
        fresh = self.model is None or self.model.frame != frame
        model = self._release(self._build(sample, frame, fit, heirs), sample.day)
        if fresh:
            self.state.drift.begin(sample.features(frame))
        else:
            self.state.drift.weeks = []  # distances to other centres do not indicate drift
        self.state.beaten = self.state.other_k = 0
        self.state.proposal = None
        return model

    def _release(self, model: ClusterModel, day: int) -> ClusterModel:
        """Record the version as published and continue from its centroids."""
        state = self.state
        state.last_version = model.version
        state.working = np.array([s.centroid for s in model.segments])
        self.stream.begin(model)
        self.enter(model, day)
        return model

    def enter(self, model: ClusterModel, day: int) -> None:
        """Put a version in force from the next day on."""
        self.state.timeline = [*self.state.timeline, (day + 1, model)][-_KEPT_VERSIONS:]

    # --- snapshots ----------------------------------------------------------------------------
    def snapshot(self) -> bytes:
        """Encode everything but the configuration; ``restore`` continues as if the learner had never stopped."""
        return pack(self)

    def restore(self, data: bytes) -> None:
        """Restore the state from ``snapshot``. Raises InvariantViolation if it cannot be read."""
        self.stream = RowStream(self.config.clusterer, self.config.evidence)
        unpack(self, data)


__all__ = ["Learned", "Learner", "LearnerConfig"]
