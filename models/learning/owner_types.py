"""The owner's configuration, its state apart from the panel, and the result of a learning run."""

from __future__ import annotations

from dataclasses import dataclass, field

from models.behaviour.layout import FloatArray
from models.behaviour.model import CONSERVATIVE, ClusterModel, Evidence, Preset
from models.learning.backtest import NoiseSample
from models.learning.clusterer_choice import ClustererChoice
from models.learning.drift import Drift
from models.learning.proposal import Proposal
from models.learning.reason import Reason


@dataclass(frozen=True, slots=True)
class LearnerConfig:
    """Configuration of the owner.

    Parameters
    ----------
    shift
        The panel holds one customer in 2**shift; ``Learner.set_shift`` changes it later.
    min_buyers
        Minimum number of customers with an order, in the whole shop, for clusters.
    min_members
        Minimum number of panel customers with evidence, for clusters.
    k, k_range
        A fixed number of segments, or the range to choose from.
    frame
        ``standard``, ``noise_whitened``, ``volume``, or ``auto``, which judges them on the shop's own past
        (``frame_selection``).
    frame_days
        Days after the shop's first day on which the frame is fitted.
    cadence_days, k_cadence_days
        Minimum days between updates, and between checks of the number of segments.
    better
        Share of inertia that a challenger must save, in ``streak`` consecutive runs.
    tolerance
        Minimum move of a centroid that justifies a version, as a share of the gap to its nearest neighbour.
    table_tolerance
        Minimum log ratio of a segment's rate to the published rate that justifies a version.
    silent_days
        Customers inactive for longer leave the panel.
    adopt_share
        A proposal that would move at most this share of the panel is adopted at once; None: a person decides.
    no_means_days
        Days after a rejection during which the same proposal is not made again.
    clusterer
        The clusterer that moves the centres between two frames. Frames, numbers of segments and first centres are
        always fitted on the panel.
    """

    seed: int = 1
    shift: int = 0
    min_buyers: int = 200
    min_members: int = 60
    k: int | None = None
    k_range: tuple[int, int] = (3, 8)
    frame: str = "auto"
    frame_days: tuple[int, ...] = (90, 120, 150)
    cadence_days: int = 7
    k_cadence_days: int = 14
    better: float = 0.03
    streak: int = 2
    tolerance: float = 0.1
    table_tolerance: float = 0.3
    silent_days: int = 730
    adopt_share: float | None = None
    no_means_days: int = 90
    preset: Preset = CONSERVATIVE
    evidence: Evidence = field(default_factory=Evidence)
    clusterer: ClustererChoice = field(default_factory=ClustererChoice)


@dataclass(frozen=True, slots=True)
class Learned:
    """The result of a learning run.

    Parameters
    ----------
    outcome
        ``immature`` (the shop is too young), ``too_few`` (customers), ``kept`` (nothing material),
        ``moved`` (centroids or tables), ``promoted`` (a first fit, a new frame, a challenger or an adopted
        proposal), ``proposed`` (nothing to publish, but a proposal waits), ``rejected`` (a proposal), ``renamed``
        (a segment), ``withdrawn`` (nothing to publish, and the waiting proposal lost its reason).
    model
        The version to publish, with ``moved``, ``promoted`` and ``renamed``.
    proposal
        The proposal just made, adopted (with ``promoted``) or rejected.
    withdrawn
        The waiting proposal whose reason no longer holds; may accompany ``moved``, ``proposed`` and ``promoted``.
    figures
        Numbers for metrics and for people.
    """

    outcome: str
    model: ClusterModel | None = None
    proposal: Proposal | None = None
    figures: dict[str, float] = field(default_factory=dict)
    withdrawn: Proposal | None = None


@dataclass(slots=True)
class State:
    """The learner's state apart from its panel; see ``owner_snapshot`` for its stored form.

    ``next_day`` is the next day on which the owner examines the panel. Each examination sets it, so the learning days
    depend on the data alone and not on the caller.
    """

    frames_done: int = 0
    last_update: int | None = None
    last_k_look: int | None = None
    beaten: int = 0
    other_k: int = 0
    last_version: int = 0
    working: FloatArray | None = None
    timeline: list[tuple[int, ClusterModel]] = field(default_factory=list)
    proposal: Proposal | None = None
    reason: Reason = field(default_factory=Reason)
    shop_first_day: int | None = None
    noise_samples: list[NoiseSample] = field(default_factory=list)
    drift: Drift = field(default_factory=Drift)
    last_alarm: int | None = None
    proposals: int = 0
    turned_down: dict[str, int] = field(default_factory=dict)
    next_day: int = 0
