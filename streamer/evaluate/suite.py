"""Runs of the command: simulated shops with our segments and with other methods, as rows of metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from math import nan
from typing import Any, Final, Literal

import numpy as np

from models.behaviour.layout import NEW, FloatArray, IntArray, SingleArray
from models.behaviour.model import CONSERVATIVE, RESPONSIVE, Preset
from models.learning.backtest import features_under
from models.learning.frame import into_frame
from models.learning.kmeans import adjusted_rand, multi_start, nearest
from models.learning.learner import LearnerConfig
from streamer.evaluate import peers as others
from streamer.evaluate.activity import Activity, of_shop
from streamer.evaluate.bench import Run, play
from streamer.evaluate.metrics import AGE_DAYS, Scores, Truth, judge
from streamer.evaluate.order_shops import SHOPS, order_shop
from streamer.evaluate.panels import agreement
from streamer.evaluate.stillness import stillness
from streamer.evaluate.truth import over_days
from streamer.simulator.config import ShopConfig
from streamer.simulator.simulate import Shop

TUNING_SEEDS: Final = (1, 2, 3)
"""Seeds on which settings were tuned; never shown as results."""
SEEDS: Final = (7, 8)
SCENARIOS: Final = ("stationary", "hard", "shock", "new-archetype", "holidays", "lifelike", "bots", *SHOPS)
PRESETS: Final[dict[str, Preset]] = {"conservative": CONSERVATIVE, "responsive": RESPONSIVE}
BATCH_CUSTOMERS, SLOW_PEER_CUSTOMERS = 3_000, 300
_LOOK_BACK = 42

OnProgress = Callable[[str], None]
Others = Literal["all", "tuned", "none"]
"""Other methods to run: all, only the tuned reference, or none."""


@dataclass(frozen=True, slots=True)
class Row:
    """Results of one method on one shop. Metrics that a method lacks are NaN.

    Attributes
    ----------
    batch_ari, batch_ari_off
        Agreement with batch K-means in the same frame at the end, with hysteresis and without.
    inertia_off
        Inertia of the nearest centroids relative to that of batch K-means.
    names, names_mean
        Share of customers to whom two of six independent panels assign the same name: worst pair, and mean.
    refits
        Share of published moves whose cause is a refit.
    calmer
        Ratio of the spurious moves of River's tuned ``KMeans`` to this method's, on the same customers of the same
        shop.
    own, monthly, regulars_moved, stops_seen
        As in ``stillness``.
    """

    scenario: str
    seed: int
    method: str
    customers: int
    scores: Scores
    batch_ari: float = nan
    batch_ari_off: float = nan
    inertia_off: float = nan
    names: float = nan
    names_mean: float = nan
    refits: float = nan
    calmer: float = nan
    own: float = nan
    monthly: float = nan
    regulars_moved: float = nan
    stops_seen: float = nan

    def to_dict(self) -> dict[str, Any]:
        found = asdict(self)
        scores: dict[str, Any] = found.pop("scores")
        return found | scores


def run(
    scenarios: Sequence[str],
    seeds: Sequence[int],
    presets: Sequence[str],
    customers: int,
    peers: Others,
    on_progress: OnProgress,
    config: LearnerConfig | None = None,
) -> list[Row]:
    """Run all methods and return their rows.

    The other methods run on the first scenario only: River's ``KMeans`` on each seed with the same customers as ours,
    the rest on the first seed with fewer customers, since they are slow and similar in every shop.
    """
    rows: list[Row] = []
    equals: list[Row] = []
    given = config or LearnerConfig()
    for scenario in scenarios:
        for seed in seeds:
            activity, truth = shop(scenario, seed, customers)
            for preset in presets:
                on_progress(f"{scenario}, seed {seed}: {preset}")
                rows.append(ours(scenario, seed, preset, activity, truth, given))
            for peer in _equals(peers) if scenario == scenarios[0] else ():
                on_progress(f"{scenario}, seed {seed}: {peer.name}")
                equals.append(streamed(peer, scenario, seed, activity, truth, given))
    rows = beside(rows, equals) + equals
    if peers == "all":
        rows += of_slow_peers(scenarios[0], seeds[0], given, on_progress)
        rows += of_batch(scenarios[0], seeds[0], given, on_progress)
    return rows


def _equals(peers: Others) -> Sequence[others.Peer]:
    """Return the other methods that run on the same customers as ours."""
    if peers == "all":
        return [peer for peer in others.PEERS if not peer.slow]
    return [others.TUNED] if peers == "tuned" else []


def beside(rows: Sequence[Row], peers: Sequence[Row]) -> list[Row]:
    """Return ``rows`` with the ratio of the tuned peer's spurious moves to theirs, if it was run on the same customers."""
    tuned = {(row.scenario, row.seed, row.customers): row for row in peers if row.method == others.TUNED.name}
    found = []
    for row in rows:
        peer = tuned.get((row.scenario, row.seed, row.customers))
        # In a shop too small for a spurious move, the ratio is undefined.
        if peer is not None and row.scores.spurious > 0:
            row = replace(row, calmer=peer.scores.spurious / row.scores.spurious)
        found.append(row)
    return found


def shop(scenario: str, seed: int, customers: int) -> tuple[Activity, Truth]:
    """Return a shop's activity and truth over a year. Shops that record only orders have a fixed size."""
    if scenario in SHOPS:
        return order_shop(scenario, seed)
    config = ShopConfig(customers=customers, seed=seed, scenario=scenario)
    activity = of_shop(config)
    return activity, over_days(Shop(config).truth(), activity)


def ours(scenario: str, seed: int, preset: str, activity: Activity, truth: Truth, config: LearnerConfig) -> Row:
    """Run the service's segments under a preset."""
    days = activity.days
    run = play(activity, replace(config, preset=PRESETS[preset]), look_days=(days - _LOOK_BACK, days))
    scores = judge(run.labels, truth, activity.events, run.evidence)
    named = [move for move in run.moves if move.from_id not in (None, "new")]
    row = Row(
        scenario,
        seed,
        preset,
        len(activity.customers),
        scores,
        refits=sum(move.cause == "refit" for move in named) / max(len(named), 1),
        **asdict(stillness(run, activity, truth)),
    )
    return row if run.model is None else _beside_batch(row, run, activity, seed)


def _beside_batch(row: Row, run: Run, activity: Activity, seed: int) -> Row:
    """Return the row with the agreement with batch K-means in the same frame, and of names between panels."""
    model, look, days = run.model, run.noise_samples[activity.days], activity.days
    assert model is not None
    place = {customer: at for at, customer in enumerate(activity.customers)}
    who = np.array([place[customer] for customer in look.customers])
    labels = run.labels[days, who].astype(np.int64)
    chosen = labels > NEW
    z = into_frame(_features(look.stats[:, chosen], run), model.frame)
    batch = multi_start(z, model.k, np.random.default_rng(seed), starts=20)
    now = nearest(z, np.array([s.centroid for s in model.segments]))
    last = activity.met.copy()
    np.maximum.at(last, activity.customer, activity.day)
    size = min(2_000, len(who) // 3)
    worst, mean, _ = agreement(
        look, run.noise_samples[days - _LOOK_BACK], (days - last[who]).astype(np.float64), model, size, seed
    )
    return replace(
        row,
        batch_ari=adjusted_rand(labels[chosen], batch.labels),
        batch_ari_off=adjusted_rand(now.labels, batch.labels),
        inertia_off=now.inertia / max(batch.inertia, 1e-9),
        names=worst,
        names_mean=mean,
    )


def _features(stats: SingleArray, run: Run) -> FloatArray:
    assert run.model is not None
    return features_under(stats.astype(np.float64), run.model.frame)


def streamed(
    peer: others.Peer, scenario: str, seed: int, activity: Activity, truth: Truth, config: LearnerConfig
) -> Row:
    """Run one of River's clusterers on the stream."""
    evidence = others.evidence_of(activity, config.evidence)
    labels = others.stream(peer, activity, config.k or 6, seed)
    return Row(scenario, seed, peer.name, len(activity.customers), judge(labels, truth, activity.events, evidence))


def of_slow_peers(scenario: str, seed: int, config: LearnerConfig, on_progress: OnProgress) -> list[Row]:
    """Run River's other clusterers on the stream, with far fewer customers than ours, as the rows state."""
    activity, truth = shop(scenario, seed, SLOW_PEER_CUSTOMERS)
    rows = []
    for peer in others.PEERS:
        if peer.slow:
            on_progress(f"{scenario}, seed {seed}: {peer.name} on {SLOW_PEER_CUSTOMERS:,} customers")
            rows.append(streamed(peer, scenario, seed, activity, truth, config))
    return rows


def of_batch(scenario: str, seed: int, config: LearnerConfig, on_progress: OnProgress) -> list[Row]:
    """Run scikit-learn's clusterers at the end, with fewer customers than ours, as the rows state."""
    rows = []
    activity, truth = shop(scenario, seed, BATCH_CUSTOMERS)
    evidence = others.evidence_of(activity, config.evidence)
    chosen = np.flatnonzero((activity.days - activity.met > AGE_DAYS) & evidence[activity.days])
    on_progress(f"{scenario}, seed {seed}: batch methods on {BATCH_CUSTOMERS:,} customers at the end")
    kinds = truth.kind[activity.days, chosen].astype(np.int64)
    for name, groups in others.batch(others.at_the_end(activity, chosen), config.k or 6, seed).items():
        rows.append(Row(scenario, seed, f"{name}, 25 days, z-scores", BATCH_CUSTOMERS, _at_the_end(groups, kinds)))
    ours = play(activity, config, look_days=(activity.days,))
    if ours.model is not None:
        place = {customer: at for at, customer in enumerate(ours.noise_samples[activity.days].customers)}
        stats = ours.noise_samples[activity.days].stats[:, [place[activity.customers[at]] for at in chosen.tolist()]]
        z = into_frame(_features(stats, ours), ours.model.frame)
        for name, groups in others.batch(z, ours.model.k, seed).items():
            rows.append(
                Row(scenario, seed, f"{name}, our memory and frame", BATCH_CUSTOMERS, _at_the_end(groups, kinds))
            )
    return rows


def _at_the_end(labels: IntArray, kinds: IntArray) -> Scores:
    found = adjusted_rand(np.asarray(labels, dtype=np.int64), kinds)
    return Scores(found, nan, nan, 1.0, nan, nan, nan, nan, nan, nan, 0, len(np.unique(labels)))
