"""Selects the frame that suits a shop: each is fitted on the panel and tested on the shop's own past (``backtest``).

Noise samples are divided into segments in each frame. The frames are compared by how well these segments predict later
spend, and by how many customers flip between samples. The standard frame is used unless another is clearly better,
because with orders alone whitening discards what predicts, and volume predicts more than the manner of buying.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Final

import numpy as np

from models.behaviour.features import NAMES
from models.behaviour.model import NOISE_WHITENED, STANDARD, VOLUME, Frame
from models.learning.backtest import Backtest, NoiseSample, backtest, features_under, seen_in_both
from models.learning.build import Sample
from models.learning.frame import fit_priors, is_uninformative, silent_features, standard, volume
from models.learning.kmeans import multi_start
from models.learning.separation import nats_apart, nats_gained
from models.learning.whitening import LEAST_PAIRS, noise_whitened
from models.messages.count import Count

KINDS: Final = (STANDARD, NOISE_WHITENED, VOLUME)
KEPT_SAMPLES: Final = 5
LEAST_LAG_DAYS: Final = 28
_WORSE: Final = 0.95  # minimum share of the standard frame's eta^2 that the whitened one must keep
_STRONGER: Final = 1.1  # minimum ratio of the volume frame's eta^2 to the others'
STEPS: Final = 7
"""Segments in a volume frame: volume is a matter of degree, so no number of segments can be found in the data."""
REGULAR_SHOP: Final = 0.5
"""Usual cv^2 of gaps below which most customers buy regularly. The volume of a regular buyer shows the length of the
relationship, not the kind of customer: subscribers would climb the levels of a volume frame forever."""
KINDS_NATS: Final = 2.5
"""Mean nats by which a member's past must favour its own half of the shop before customers are grouped by kind. After
three months, shops made of kinds that record only orders have 3.1 and more; Online Retail has 1.7 to 2.1 in any month."""
KINDS_GAIN: Final = 0.015
"""Mean nats by which two populations must explain a customer's past better than one whose rates vary. After four months,
shops of kinds have .03 and more, a population with Gamma distributed rates -.03 to 0."""
_HALVES_SEED: Final = 2
_MANNERS: Final = frozenset(NAMES.index(name) for name in ("clicks", "discount_share"))


def fit_frame(
    kind: str,
    sample: Sample,
    noise_samples: list[NoiseSample],
    ks: range,
    rng: np.random.Generator,
    figures: dict[str, float],
) -> Frame:
    """Fit a frame of this kind to the sample. With ``auto``, ``figures`` receive the numbers that decided.

    Without an earlier noise sample of enough customers the noise is unknown, and the frame is the standard one;
    likewise if customers do not differ at all.

    Parameters
    ----------
    ks
        Numbers of segments to choose from.
    """
    usual = sample.gap_cv2
    stats = sample.under(usual)
    if kind == VOLUME:
        return volume(stats, usual)
    plain = standard(stats, replace(fit_priors(stats), gap_cv2=usual))
    old = [noise for noise in noise_samples if sample.day - noise.day >= LEAST_LAG_DAYS]
    if kind == STANDARD or not old or is_uninformative(plain):
        return plain
    now, then = seen_in_both(sample, old[-1])
    if len(now) < LEAST_PAIRS:
        return plain
    x, before = (features_under(s, plain) for s in (stats, old[-1].stats[:, then].astype(np.float64)))
    white = noise_whitened(x, plain.priors, (now, before, sample.day - old[-1].day))
    if kind == NOISE_WHITENED:
        return white
    found = {frame.kind: backtest(frame, sample, old, ks, rng) for frame in (plain, white)}
    frames = {STANDARD: plain, NOISE_WHITENED: white}
    if volume_is_informative(plain) and not forms_kinds(sample, plain, figures):
        frames[VOLUME] = volume(stats, usual)
        found[VOLUME] = backtest(frames[VOLUME], sample, old, steps_of(ks), rng)
    for name, judgement in found.items():
        figures.update({f"{name}_{figure}": float(value) for figure, value in asdict(judgement).items()})
    return frames[best_of(found)]


def orders_alone(plain: Frame) -> bool:
    """Return whether the shop records neither clicks nor discounts, so that customers differ in little but volume."""
    return frozenset(silent_features(plain)) >= _MANNERS


def volume_is_informative(plain: Frame) -> bool:
    """Return whether volume may characterise customers: in shops with orders alone and irregular buyers."""
    usual = plain.priors.gap_cv2
    return orders_alone(plain) and (usual is None or usual >= REGULAR_SHOP)


def forms_kinds(sample: Sample, plain: Frame, figures: dict[str, float]) -> bool:
    """Return whether customers differ by kind, not by degree.

    Their pasts must distinguish two halves by KINDS_NATS, and two populations must explain these pasts better, by
    KINDS_GAIN, than one population whose rates vary by a Gamma distribution. Levels of volume would divide a kind, and
    its members would cross the levels by chance. Sets ``halves_apart`` and ``kinds_gain`` in ``figures``, in nats.
    """
    # Use a separate generator, so that the caller's draws, and the clusters of shops with levels, do not change.
    halves = multi_start(sample.points(plain), 2, np.random.default_rng(_HALVES_SEED))
    figures["halves_apart"] = nats_apart(sample, halves, plain)
    figures["kinds_gain"] = nats_gained(sample, halves, plain)
    return figures["halves_apart"] >= KINDS_NATS and figures["kinds_gain"] >= KINDS_GAIN


def steps_of(ks: range) -> range:
    """Return the number of segments in a volume frame, as a range of length one."""
    steps = min(max(STEPS, ks[0]), ks[-1])
    return range(steps, steps + 1)


def best_of(found: Mapping[str, Backtest]) -> str:
    """Return the kind of the best frame, by ``explains_more`` and ``clearly_better``."""
    plain, white = found[STANDARD], found[NOISE_WHITENED]
    if VOLUME in found and explains_more(found[VOLUME], plain, white):
        return VOLUME
    return NOISE_WHITENED if clearly_better(white, plain) else STANDARD


def clearly_better(white: Backtest, plain: Backtest) -> bool:
    """Return whether whitening separates as many groups, keeps their predictive power, and flips fewer customers."""
    if white.k < plain.k or white.eta2 < _WORSE * plain.eta2:
        return False
    return white.k > plain.k or white.flips < plain.flips


def explains_more(steps: Backtest, plain: Backtest, white: Backtest) -> bool:
    """Return whether volume predicts clearly more than the other frames, with as many groups that are equally stable."""
    if steps.eta2 < _STRONGER * max(plain.eta2, white.eta2):
        return False
    return steps.k > plain.k or steps.flips <= plain.flips


def why(figures: Mapping[str, float]) -> str | None:
    """Explain in words what decided between the frames; None if there was no choice.

    >>> why({"standard_k": 6, "standard_stability": 0.9, "standard_eta2": 0.29, "standard_flips": 0.2,
    ...      "noise_whitened_k": 6, "noise_whitened_stability": 0.9, "noise_whitened_eta2": 0.18,
    ...      "noise_whitened_flips": 0.1})
    'standard: 6 segments (two halves agree at .90) explain 29.0 % of the spend of the following 90 days and 20.0 % of customers flip in four weeks; noise_whitened: 6 (.90), 18.0 %, 10.0 %'
    """
    found = {
        kind: Backtest(
            int(figures[f"{kind}_k"]), *(figures[f"{kind}_{name}"] for name in ("stability", "eta2", "flips"))
        )
        for kind in KINDS
        if f"{kind}_eta2" in figures
    }
    if len(found) < 2:
        return None
    chosen = best_of(found)
    best = found.pop(chosen)
    rest = [
        f"{kind}: {judgement.k} ({_agree(judgement)}), {100 * judgement.eta2:.1f} %, {100 * judgement.flips:.1f} %"
        for kind, judgement in found.items()
    ]
    return "; ".join(
        [
            f"{chosen}: {Count(best.k):|segment} (two halves agree at {_agree(best)}) explain {100 * best.eta2:.1f} % of the "
            f"spend of the following 90 days and {100 * best.flips:.1f} % of customers flip in four weeks",
            *rest,
        ]
    )


def _agree(judgement: Backtest) -> str:
    return f"{judgement.stability:.2f}".removeprefix("0")
