"""Implement the nightly step again, slowly: one customer, plain floats, directly from the design."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import permutations
from math import exp, lgamma, log, sqrt
from statistics import median

import numpy as np

from models.behaviour.model import ClusterModel, Segment

VECTOR = 15  # exposure, order-days, click-days, money, orders, log basket, discounted, 8 categories


@dataclass
class Day:
    """One day: order values, discounted orders, clicks, orders by category slot."""

    orders: list[int] = field(default_factory=list)
    discounted: int = 0
    clicks: int = 0
    categories: list[int] = field(default_factory=lambda: [0] * 8)

    def vector(self) -> list[float]:
        """Return the day as statistics, including the exposure."""
        n = len(self.orders)
        logs = sum(log(m) for m in self.orders) / n if n else 0.0
        return [
            1.0,
            float(n > 0),
            float(self.clicks > 0),
            float(sum(self.orders)),
            float(n),
            logs,
            float(self.discounted),
            *map(float, self.categories),
        ]


def single(value: float) -> float:
    """Round as the store rounds."""
    return float(np.float32(value))


@dataclass
class Slow:
    """One customer under one model that is in force from the first day."""

    model: ClusterModel
    first_day: int
    day: int = 0
    segment: Segment | None = None
    area: float = 0.0
    order_count: int = 0
    click_count: int = 0

    def __post_init__(self) -> None:
        self.day = self.first_day
        self.short, self.long, self.recent = ([0.0] * VECTOR for _ in range(3))
        self.last_order, self.last_event = 0, self.first_day
        self.gaps = self.mean = self.squares = 0.0
        self.parts = {s.segment_id: [0.0] * 4 for s in self.model.segments}

    @property
    def cusum(self) -> dict[str, float]:
        """Return W by segment."""
        return {name: sum(parts) for name, parts in self.parts.items()}

    def point(self, stats: list[float]) -> list[float]:
        """Return the position of statistics in the frame."""
        s, frame = [max(v, 0.0) for v in stats], self.model.frame
        b0, d0 = frame.priors.log_basket, frame.priors.discount
        scale = 36 / max(s[0], 7.0)
        total, squares = sum(s[7:]), sum(v * v for v in s[7:])
        x = [
            log(s[1] * scale + 0.3),
            log(s[2] * scale + 0.5),
            log(s[3] * scale + 0.3 * exp(b0)),
            log((s[2] * scale + 1) / (s[1] * scale + 0.5)),
            (s[5] + b0) / (s[1] + 1),
            (s[6] + 2 * d0) / (s[4] + 2),
            (total * total + 1) / (squares + 1),
        ]
        x = [min(max(v, lo), hi) for v, lo, hi in zip(x, frame.low, frame.high, strict=True)]
        return [sum((x[i] - frame.mu[i]) * frame.weights[i][a] for i in range(7)) for a in range(len(frame.weights[0]))]

    def squared(self, z: list[float], s: Segment) -> float:
        """Return the squared distance of a point from a centroid."""
        return sum((a - b) ** 2 for a, b in zip(z, s.centroid, strict=True))

    def by_distance(self, stats: list[float]) -> dict[str, float]:
        """Return scores by segment, higher for nearer centroids."""
        z = self.point(stats)
        return {s.segment_id: -self.squared(z, s) for s in self.model.segments}

    def by_likelihood(self, stats: list[float], cv2: float) -> dict[str, float]:
        """Return the likelihood of these statistics by segment, with counts of variance ``cv2`` times Poisson's."""
        return {s.segment_id: sum(self.likelihood(stats, s, cv2)) for s in self.model.segments}

    def likelihood(self, stats: list[float], s: Segment, cv2: float) -> list[float]:
        """Return the parts of the likelihood: orders, clicks, basket, discounts."""
        n, m = [max(v, 0.0) for v in stats], self.model
        parts = []
        for count, rate, shape, noise in (
            (n[1], s.order_rate, s.order_shape, m.phi[0] * max(cv2, 0.1)),
            (n[2], s.click_rate, s.click_shape, m.phi[1]),
        ):
            a = min(shape, 20.0)
            y, b = count / noise + a, a / rate
            log_gamma = (y - 0.5) * log(y) - y + 1 / (12 * y)
            parts.append(log_gamma - lgamma(a) + a * log(b) - y * log(b + n[0] / noise))
        some = max(n[1], 1e-6)
        own = 0.6 * m.sigma2 / some
        variance = s.log_basket_var + own
        squared = min((n[5] / some - s.log_basket) ** 2 / variance, 18.0)
        parts.append(-(squared + log(variance / (1 + own))) / 2 if n[1] > 0.05 else 0.0)
        cheap = min(n[6], n[4])
        parts.append((cheap * log(s.discount) + (n[4] - cheap) * log(1 - s.discount)) / (1 + n[4] / 10))
        return parts

    def scores(self, stats: list[float]) -> dict[str, float]:
        """Return scores of the long memory by segment."""
        if self.model.preset.statistic == "distance":
            return self.by_distance(stats)
        return self.by_likelihood(stats, self.cv2())

    def margin(self, score: dict[str, float], to: Segment, away: Segment) -> float:
        """Return the margin that the area sums."""
        lead = score[to.segment_id] - score[away.segment_id]
        if self.model.preset.statistic != "distance":
            return min(lead, 10.0)
        return lead / sum((a - b) ** 2 for a, b in zip(to.centroid, away.centroid, strict=True))

    def lately_near(self, top: Segment, own: Segment, sure: bool) -> bool:
        """Return whether the short memory is nearest to ``top`` or, if ``sure``, nearer than to ``own``."""
        stats = self.even(self.short, 25)

        def near(score: dict[str, float]) -> bool:
            best = max(score, key=lambda name: score[name]) == top.segment_id
            return best or (sure and score[top.segment_id] > score[own.segment_id])

        if self.model.preset.statistic == "distance":
            return near(self.by_distance(stats))
        regular = 1 - self.cv2() > 0.5
        return near(self.by_likelihood(stats, 1.0)) or (regular and near(self.by_distance(stats)))

    def close(self, today: Day | None = None) -> tuple[str, str] | None:
        """Close a day. Return the path and the new segment id if the customer moved."""
        self.day += 1
        day = (today or Day()).vector()
        self.order_count += len(today.orders) if today else 0
        self.click_count += today.clicks if today else 0
        fast, slow = 2 ** (-1 / 25), 2 ** (-1 / 120)
        self.short = [v * fast + d for v, d in zip(self.short, day, strict=True)]
        self.long = [v * slow for v in self.long]
        self.recent = [v * slow for v in self.recent]
        silent = self.day - 1 - self.last_order
        if day[1]:
            self._note_gap(silent)
        if day[1] or day[2]:
            self.last_event = self.day - 1
        self._suspect(day, silent)
        self.recent = [v + d for v, d in zip(self.recent, day, strict=True)]
        leak = 1 - fast if any(self.cusum.values()) else 1.0
        self.long = [v + r * leak for v, r in zip(self.long, self.recent, strict=True)]
        self.recent = [r - r * leak for r in self.recent]
        moved = self._move()
        for vector in (self.short, self.long, self.recent):
            vector[:] = map(single, vector)
        self.parts = {name: list(map(single, parts)) for name, parts in self.parts.items()}
        self.area = single(self.area)
        return moved

    def _note_gap(self, gap: int) -> None:
        known, self.last_order = self.last_order > 0, self.day - 1
        if known:
            old = 0.9 * self.gaps
            off = gap - self.mean
            self.gaps, self.mean, self.squares = (
                single(old + 1),
                single(self.mean + off / (old + 1)),
                single(0.9 * self.squares + off * off * old / (old + 1)),
            )

    def cv2(self) -> float:
        """Return the squared coefficient of variation of the gaps, shrunk to the shop's; 1 if nothing is known."""
        usual = self.model.frame.priors.gap_cv2
        if usual is None or not self.gaps:
            return 1.0
        spread = self.squares / max(self.mean, 1.0) ** 2 * (1 + 1 / self.gaps)
        return min((spread + usual) / (max(self.gaps - 1, 0) + 1), 1.0)

    def even(self, stats: list[float], half_life: float) -> list[float]:
        """Return statistics without their phase, as if averaged over a whole cycle between orders."""
        s, c, m = [max(v, 0.0) for v in stats], self.cv2(), max(self.mean, 1.0)
        if c >= 1 or s[1] <= 1e-6:
            return s
        b, u = 2 ** (-1 / half_life), self.day - 1 - self.last_order
        v = min(u, m)
        w = b ** (u - v)
        g = min(max(1 - s[0] * (1 - b), 0.0) / w, 1.0)
        mean, now = (1 - g) / ((1 - b) * m), max(b**v - b ** (m - 1) * g, 0.0) / (1 - b**m)
        f = min(max(1 + (1 - c) * w * (mean - now) / s[1], 0.25), 4.0)
        return [s[0], s[1] * f, s[2], *(x * f for x in s[3:])]

    def haste(self, silent: int) -> float:
        """Return the chance of an order today relative to the mean, after this much silence."""
        c, m = self.cv2(), max(self.mean, 1.0)
        if c >= 1:
            return 1.0
        sure = min(max(c, 0.05) * (1 + 2 / sqrt(max(self.gaps, 1.0))), 1.0)
        if sure >= 1:
            return 1.0
        if silent < m * (1 - 2 * sqrt(sure)):
            return sure
        if silent <= m * (1 + sqrt(sure)):
            return 1.0
        return 1 / sure if self.clock() else min(1 / sure, 3.0)

    def clock(self) -> bool:
        """Return whether the gaps certainly hardly vary."""
        usual = self.model.frame.priors.gap_cv2
        if usual is None or self.cv2() >= 1:
            return False
        cv2 = (self.cv2() * self.gaps + 3 * usual) / (self.gaps + 3)
        return max(cv2, 0.05) * (1 + 2 / sqrt(self.gaps + 1)) <= 0.125

    def overdue(self) -> bool:
        """Return whether the customer keeps a rhythm and has been silent for longer than it allows."""
        c, m = self.cv2(), max(self.mean, 1.0)
        sure = min(max(c, 0.05) * (1 + 2 / sqrt(max(self.gaps, 1.0))), 1.0)
        return self.clock() and self.day - 1 - self.last_order > m * (1 + sqrt(sure))

    def _suspect(self, day: list[float], silent: int) -> None:
        own_segment = self.segment
        if own_segment is None:
            return
        s, n, m = own_segment, [max(v, 0.0) for v in self.long], self.model
        order_rate = (n[1] + s.order_shape) / (n[0] + s.order_shape / s.order_rate)
        order_rate = min(order_rate, 0.95) * self.haste(silent)
        click_rate = (n[2] + s.click_shape) / (n[0] + s.click_shape / s.click_rate)
        weight = m.sigma2 / s.log_basket_var
        basket = (n[5] + weight * s.log_basket) / (n[1] + weight)
        discount = (n[6] + 10 * s.discount) / (n[4] + 10)
        rates = ((min(order_rate, 0.95), m.phi[0]), (min(click_rate, 0.95), m.phi[1]))
        spell = self.day - 1 - self.last_event
        quiet = spell * sum(-log(1 - rate) / phi for rate, phi in rates)
        away = 0 < m.preset.holiday < quiet and spell <= 30 and not self.clock()
        for c in m.segments:
            if c is s:
                continue
            parts = [*self.parts[c.segment_id]]
            for part, happened, own, theirs, phi in (
                (0, day[1], order_rate, c.order_rate, m.phi[0]),
                (1, day[2], click_rate, c.click_rate, m.phi[1]),
            ):
                own, theirs = min(own, 0.95), min(theirs, 0.95)
                if away:
                    continue
                parts[part] += (log(theirs / own) if happened else log((1 - theirs) / (1 - own))) / phi
            if day[1]:
                gauss = ((day[5] - basket) ** 2 - (day[5] - c.log_basket) ** 2) / (2 * m.sigma2)
                parts[2] += min(max(gauss, -3.0), 3.0)
                share = day[6] / day[4]
                parts[3] += share * log(c.discount / discount)
                parts[3] += (1 - share) * log((1 - c.discount) / (1 - discount))
            self.parts[c.segment_id] = parts if sum(parts) > 0 else [0.0] * 4

    def allowance(self, away: Segment, to: Segment) -> float:
        """Return how much higher or lower the threshold is than usual, by a day's evidence for ``to`` against ``away``."""
        found = min(max(log(self.nats(away, to) / 0.2), -3.0), 3.0)
        if self.model.preset.statistic == "likelihood":
            # In a shop whose days contain little evidence, all thresholds are lower.
            usual = median(self.nats(a, b) for a, b in permutations(self.model.segments, 2))
            found += min(max(2.25 * log(usual / 0.25), -1.5), 0.0)
        return found

    def nats(self, away: Segment, to: Segment) -> float:
        """Return a day's evidence for ``to`` against ``away``, in nats."""

        def bernoulli(p: float, q: float) -> float:
            return p * log(p / q) + (1 - p) * log((1 - p) / (1 - q))

        nats = bernoulli(to.order_rate, away.order_rate) / self.model.phi[0]
        nats += bernoulli(to.click_rate, away.click_rate) / self.model.phi[1]
        basket = min((to.log_basket - away.log_basket) ** 2 / 2 / self.model.sigma2, 3.0)
        nats += to.order_rate * (basket + bernoulli(to.discount, away.discount))
        return nats

    def _move(self) -> tuple[str, str] | None:
        rule, preset = self.model.evidence, self.model.preset
        enough = self.order_count >= rule.orders or self.click_count >= rule.interactions
        position = self.even([a + b for a, b in zip(self.long, self.recent, strict=True)], 120)
        if self.segment is None:
            if not enough or self.day - self.first_day < rule.age_days:
                return None
            return self._go("first", self.best(position))
        own = self.segment
        excess = {
            s.segment_id: self.cusum[s.segment_id] - preset.eta - (0 if s is own else self.allowance(own, s))
            for s in self.model.segments
        }
        top = max(self.model.segments, key=lambda s: excess[s.segment_id])
        left = self.overdue() and top.order_rate < own.order_rate
        least = min(self.model.segments, key=lambda s: s.order_rate)
        if left and least is not own and self.cusum[least.segment_id] > self.cusum[top.segment_id] - 2:
            top = least
        beyond = excess[top.segment_id]
        if beyond > 0 and (left or self.lately_near(top, own, beyond > 2)):
            known = [max(a + b, 0.0) for a, b in zip(self.long, self.recent, strict=True)]
            days = 30 * top.order_rate
            past = [30.0, days, 30 * top.click_rate, days * top.basket, days, days * top.log_basket]
            past += [days * top.discount, *(v * days / max(known[4], 1.0) for v in known[7:])]
            self.long = [max(r, 0.0) + p for r, p in zip(self.recent, past, strict=True)]
            self.recent = [0.0] * VECTOR
            return self._go("change", top)
        best = self.best(position)
        g = 0.0 if best is own else self.margin(self.scores(position), best, own)
        self.area = self.area + g - preset.h if g > preset.h else 0.0
        return self._go("position", best) if self.area >= preset.theta else None

    def best(self, stats: list[float]) -> Segment:
        """Return the segment of the long memory."""
        score = self.scores(stats)
        return max(self.model.segments, key=lambda s: score[s.segment_id])

    def _go(self, path: str, to: Segment) -> tuple[str, str]:
        self.segment, self.area = to, 0.0
        self.parts = {name: [0.0] * 4 for name in self.parts}
        return path, to.segment_id
