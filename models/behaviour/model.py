"""A frozen version of the behaviour clusters: everything lanes need to score, explain and name.

The owner publishes it as JSON; a lane scores with it until the next version. Segments have three identifiers:
``segment_id`` (stable string, published), ``code`` (stable number in memories, never reused) and ``slot`` (index of
the W column; freed when a segment vanishes). Their order in the model has no meaning.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from math import isfinite
from typing import Any, Final

from models.behaviour.features import NAMES, Priors
from models.behaviour.layout import FEATURES, FIRST_CODE, NEW, NEW_ID, SLOTS, UNASSIGNED
from schemas.errors import InvariantViolation

SEGMENTATION: Final = "behaviour"
STANDARD: Final = "standard"
NOISE_WHITENED: Final = "noise_whitened"
VOLUME: Final = "volume"
DISTANCE: Final = "distance"
LIKELIHOOD: Final = "likelihood"
MOST_NATS: Final = 10.0
"""Upper bound of a day's margin in nats before it is added to the area, so that no single day causes a move."""
_MOST_VERSION = 2**24  # versions and codes are stored in float32 columns, which are exact up to this
Vector = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Preset:
    """Thresholds for moves. The defaults are those of versions published before a field existed.

    Parameters
    ----------
    h, theta
        Position path: the area above margin ``h`` must reach ``theta``. The unit is the gap between two centroids, or
        nats if the statistic is LIKELIHOOD.
    eta
        Change path: the log-likelihood ratio required between two segments that a day separates by
        ``scoring.USUAL_NATS``. For other pairs it differs by up to 3, so that false alarms are equally rare for all.
    volume_h, volume_theta
        Replace ``h`` and ``theta`` where segments are levels of purchase volume: an order lifts a customer by a level
        and inactivity lowers it again, so borders are wider.
    statistic
        The statistic of the position path and the short memory: DISTANCE to the centroids, or LIKELIHOOD
        (``position``).
    holiday
        Maximum evidence, in nats, that up to a month of inactivity adds against a customer's own rates; 0 for no limit.
    """

    h: float = 0.2
    theta: float = 1.0
    eta: float = 7.5
    volume_h: float = 0.4
    volume_theta: float = 7.0
    statistic: str = DISTANCE
    holiday: float = 0.0

    def in_frame(self, kind: str) -> Preset:
        """Return the preset that applies to a version in a frame of this kind.

        A volume frame has no change path: recent *rates* that match another level do not imply that the remembered
        purchases do. Levels are a matter of degree, so the statistic is DISTANCE.
        """
        if kind != VOLUME:
            return self
        h, theta = self.volume_h, self.volume_theta
        return replace(self, h=h, theta=theta, eta=NEVER, statistic=DISTANCE, holiday=0.0)


NEVER: Final = 1e9
CONSERVATIVE: Final = Preset(h=1.0, theta=5.0, eta=8.4, statistic=LIKELIHOOD, holiday=5.5)
RESPONSIVE: Final = replace(CONSERVATIVE, eta=7.4, volume_h=0.3, volume_theta=2.0)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The minimum evidence for a segment; below it a customer is `new`.

    A customer needs ``orders`` orders or ``interactions`` interactions, and a first event at least ``age_days`` ago.
    """

    orders: int = 2
    interactions: int = 5
    age_days: int = 14


@dataclass(frozen=True, slots=True)
class Frame:
    """The space in which distances are measured: z = W' (clip(x, low, high) - mu).

    Parameters
    ----------
    mu, low, high
        Shape (FEATURES,). ``low`` and ``high`` are the winsorising borders.
    weights
        W, shape (FEATURES, axes), row-major, full column rank.
    """

    mu: Vector
    weights: tuple[Vector, ...]
    low: Vector
    high: Vector
    priors: Priors
    kind: str = STANDARD


@dataclass(frozen=True, slots=True)
class Segment:
    """One cluster and the typical behaviour of its members.

    Parameters
    ----------
    centroid
        Position in the frame, shape (axes,).
    order_rate, click_rate
        Order-days and click-days per day (lambda).
    order_shape, click_shape
        a = 1 / cv^2 of the members' rates: how alike the members are.
    log_basket, log_basket_var
        Mean and tau^2 of the members' mean log order values.
    basket
        Mean money per order-day, minor units.
    discount
        Share of discounted orders, inside (0, 1).
    share
        Share of the panel when the version was built.
    typical
        Readable feature values of a typical member.
    slot_since
        Version in which this segment got its slot.
    """

    segment_id: str
    name: str
    code: int
    slot: int
    slot_since: int
    centroid: Vector
    order_rate: float
    click_rate: float
    order_shape: float
    click_shape: float
    log_basket: float
    log_basket_var: float
    basket: float
    discount: float
    orders_a_day: float = 1.0
    share: float = 0.0
    typical: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Transition:
    """A transition of clusters between two versions, classified as in MONIC (Spiliopoulou et al., KDD 2006).

    ``kind`` is survive, split, merge, appear or vanish; ``overlap`` is the share of members concerned.
    """

    kind: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    overlap: float


@dataclass(frozen=True, slots=True)
class ClusterModel:
    """One version of the clusters. Raises InvariantViolation if it cannot be used for scoring.

    Parameters
    ----------
    parent
        The version it was built from, 0 for the first.
    retired
        Codes and ids of segments that vanished.
    sigma2
        Variance of a customer's own log order values.
    phi
        Overdispersion of the daily counts of order-days and click-days, at least 1.
    """

    version: int
    frame: Frame
    segments: tuple[Segment, ...]
    sigma2: float
    phi: tuple[float, float]
    preset: Preset = CONSERVATIVE
    evidence: Evidence = Evidence()
    parent: int = 0
    retired: tuple[tuple[int, str], ...] = ()
    transitions: tuple[Transition, ...] = ()
    feature_names: tuple[str, ...] = NAMES
    segmentation: str = SEGMENTATION
    made_on: int = 0
    cache: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check(self)

    @property
    def kind(self) -> str:
        """The kind of this published model."""
        return "clusters"

    @property
    def k(self) -> int:
        """Number of segments."""
        return len(self.segments)

    def id_of(self, code: int) -> str | None:
        """Return the segment id of a code, including vanished segments; None for `UNASSIGNED`."""
        if code == UNASSIGNED:
            return None
        if code == NEW:
            return NEW_ID
        for segment in self.segments:
            if segment.code == code:
                return segment.segment_id
        for retired, segment_id in self.retired:
            if retired == code:
                return segment_id
        raise InvariantViolation(f"behaviour model {self.version} has no segment code {code}")

    def by_id(self, segment_id: str) -> Segment | None:
        """Return the segment with this id, or None."""
        return next((s for s in self.segments if s.segment_id == segment_id), None)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-safe content with its SHA-256 under ``sha256``."""
        body = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "cache"}
        body["frame"] = asdict(self.frame)
        body["segments"] = [asdict(s) | {"typical": dict(s.typical)} for s in self.segments]
        body["transitions"] = [asdict(t) for t in self.transitions]
        body["preset"] = asdict(self.preset)
        body["evidence"] = asdict(self.evidence)
        content: dict[str, Any] = json.loads(json.dumps(body))
        return content | {"sha256": _digest(content)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ClusterModel:
        """Decode the output of ``to_dict``. Raises InvariantViolation if it is damaged or inconsistent."""
        content = {key: value for key, value in data.items() if key != "sha256"}
        if data.get("sha256") != _digest(content):
            raise InvariantViolation("behaviour model: the content does not match its SHA-256")
        try:
            return cls(**_parsed(content))
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise InvariantViolation(f"behaviour model: cannot be read: {error}") from error


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _parsed(content: Mapping[str, Any]) -> dict[str, Any]:
    frame = content["frame"]
    return dict(content) | {
        "frame": Frame(
            mu=tuple(frame["mu"]),
            weights=tuple(tuple(row) for row in frame["weights"]),
            low=tuple(frame["low"]),
            high=tuple(frame["high"]),
            priors=Priors(**frame["priors"]),
            kind=frame["kind"],
        ),
        "segments": tuple(Segment(**(s | {"centroid": tuple(s["centroid"])})) for s in content["segments"]),
        "transitions": tuple(
            Transition(t["kind"], tuple(t["before"]), tuple(t["after"]), t["overlap"]) for t in content["transitions"]
        ),
        "preset": Preset(**content["preset"]),
        "evidence": Evidence(**content["evidence"]),
        "phi": tuple(content["phi"]),
        "retired": tuple((int(code), str(name)) for code, name in content["retired"]),
        "feature_names": tuple(content["feature_names"]),
    }


def _check(model: ClusterModel) -> None:
    _check_identity(model)
    numbers = [*_frame_numbers(model), *_rule_numbers(model)]
    for segment in model.segments:
        numbers += _segment_numbers(model, segment)
    finite = all(isinstance(v, int | float) and isfinite(v) for v in numbers)
    _need(model, finite, "a number is not finite")


def _need(model: ClusterModel, ok: bool, what: str) -> None:
    if not ok:
        raise InvariantViolation(f"behaviour model {model.version}: {what}")


def _check_identity(model: ClusterModel) -> None:
    """Check versions, and the uniqueness of ids, codes and slots."""
    version = model.version
    _need(model, isinstance(version, int) and 0 < version < _MOST_VERSION, "version out of range")
    _need(model, 0 <= model.parent < version, "the parent must be an earlier version")
    _need(model, model.segmentation == SEGMENTATION, "another segmentation")
    _need(model, model.feature_names == NAMES, "made for other features than this program computes")
    _need(model, 1 <= model.k <= SLOTS, f"between 1 and {SLOTS} segments are possible")
    for name in ("segment_id", "code", "slot"):
        _need(model, len({getattr(s, name) for s in model.segments}) == model.k, f"a {name} is given twice")
    in_use = {s.code for s in model.segments} & {code for code, _ in model.retired}
    _need(model, not in_use, "a retired code is in use")


def _frame_numbers(model: ClusterModel) -> list[float]:
    """Check the dimensions of the frame; return its numbers."""
    frame = model.frame
    axes = len(frame.weights[0]) if frame.weights else 0
    right = 1 <= axes <= FEATURES and len(frame.weights) == FEATURES
    right &= all(len(row) == axes for row in frame.weights)
    right &= all(len(v) == FEATURES for v in (frame.mu, frame.low, frame.high))
    _need(model, right, "the frame has wrong dimensions")
    _need(model, all(low <= high for low, high in zip(frame.low, frame.high, strict=True)), "borders crossed")
    return [*frame.mu, *frame.low, *frame.high, *(v for row in frame.weights for v in row)]


def _segment_numbers(model: ClusterModel, s: Segment) -> list[float]:
    """Check the ranges of a segment; return its numbers."""
    _need(model, len(s.centroid) == len(model.frame.weights[0]), "a centroid has wrong dimensions")
    _need(model, s.order_rate > 0 and s.click_rate > 0, "rates must be above 0")
    _need(model, min(s.order_shape, s.click_shape, s.log_basket_var) > 0, "shapes must be above 0")
    _need(model, 0 < s.discount < 1 and s.basket >= 0 and s.orders_a_day > 0, "a segment table is out of range")
    _need(model, 0 <= s.slot < SLOTS and FIRST_CODE <= s.code < _MOST_VERSION, "a code or slot is out of range")
    _need(model, bool(s.segment_id) and s.segment_id != NEW_ID, "a segment id is empty or reserved")
    rates = [s.order_rate, s.click_rate, s.order_shape, s.click_shape, s.log_basket, s.log_basket_var]
    return [*s.centroid, *rates, s.basket, s.orders_a_day, s.share, *s.typical.values()]


def _rule_numbers(model: ClusterModel) -> list[float]:
    """Check the ranges of the thresholds for moves; return them."""
    preset, evidence = model.preset, model.evidence
    noise = len(model.phi) == 2 and min(model.phi) >= 1 and model.sigma2 > 0
    _need(model, noise, "sigma2 or phi out of range")
    _need(model, preset.statistic in (DISTANCE, LIKELIHOOD), "its position statistic is unknown to this program")
    most = 1.0 if preset.statistic == DISTANCE else MOST_NATS
    _need(model, 0 <= preset.h < most and preset.theta > 0 and preset.eta > 0, "the preset is out of range")
    _need(model, preset.holiday >= 0, "the preset is out of range")
    least = min(evidence.orders, evidence.interactions, evidence.age_days)
    _need(model, least >= 0, "the evidence is out of range")
    return [model.sigma2, *model.phi, preset.h, preset.theta, preset.eta, preset.holiday]
