"""Test the figures against brute force: plain loops over customers and days, directly from the definitions."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from models.learning.kmeans import adjusted_rand
from streamer.evaluate import metrics
from streamer.evaluate.metrics import FROM_DAY, Truth

DAYS, PEOPLE = 320, 100
LONG_AGO = metrics.LONG_AGO


def world(seed: int) -> tuple[np.ndarray, Truth, np.ndarray, np.ndarray]:
    """Return random labels that hold for a while, and random truth with movers, events and evidence."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((DAYS + 1, PEOPLE), dtype=np.int16)
    kind = np.full((DAYS + 1, PEOPLE), -1, dtype=np.int8)
    changed, after = np.full(PEOPLE, LONG_AGO), np.full(PEOPLE, -1)
    met = rng.integers(0, 200, PEOPLE)
    for c in range(PEOPLE):
        day, label = int(met[c]), 1
        kind[day:, c] = rng.integers(3)
        while day <= DAYS:
            stay = int(rng.integers(3, 60))
            labels[day : day + stay, c] = label
            day += stay
            label = int(rng.choice([2, 3, 4, 5, 6], p=[0.3, 0.3, 0.2, 0.15, 0.05])) if rng.random() < 0.95 else 1
        if rng.random() < 0.5:
            changed[c] = int(rng.integers(met[c] + 5, DAYS))
            after[c] = (kind[changed[c], c] + 1 + rng.integers(2)) % 3
            kind[changed[c] :, c] = after[c]
    return labels, Truth(kind, met, changed, after), rng.integers(1, 50, DAYS), rng.random((DAYS + 1, PEOPLE)) < 0.9


def owners(labels: np.ndarray, truth: Truth) -> dict[int, int]:
    count: dict[int, list[int]] = {}
    for day in range(FROM_DAY, DAYS + 1):
        for c in range(PEOPLE):
            if labels[day, c] >= 2 and truth.kind[day, c] >= 0:
                count.setdefault(int(labels[day, c]), [0, 0, 0])[truth.kind[day, c]] += 1
    return {code: numbers.index(max(numbers)) for code, numbers in count.items()}


@pytest.mark.parametrize("seed", range(4))
def test_moves_away_toward_and_spurious(seed: int) -> None:
    labels, truth, events, evidence = world(seed)
    owner = owners(labels, truth)
    spurious = away = toward = 0
    for c in range(PEOPLE):
        for day in range(FROM_DAY + 1, DAYS + 1):
            before, now = int(labels[day - 1, c]), int(labels[day, c])
            if before == now or before < 2 or day - truth.met[c] <= 45:
                continue
            if truth.changed[c] <= day <= truth.changed[c] + 90:
                continue
            spurious += 1
            was, is_now = (owner.get(code, -9) == truth.kind[day, c] for code in (before, now))
            away += was and not is_now
            toward += is_now and not was
    found = metrics.judge(labels, truth, events, evidence)
    per = 1_000 / events[FROM_DAY:].sum()
    assert spurious > 50
    assert (found.spurious, found.away, found.toward) == pytest.approx((spurious * per, away * per, toward * per))


@pytest.mark.parametrize("seed", range(4))
def test_bounce(seed: int) -> None:
    labels, *_ = world(seed)
    known = back = 0
    for c in range(PEOPLE):
        for day in range(FROM_DAY + 1, DAYS - 30 + 1):
            before = labels[day - 1, c]
            if before >= 2 and labels[day, c] != before:
                known += 1
                back += any(labels[later, c] == before for later in range(day + 1, day + 31))
    assert metrics.bounce(labels) == pytest.approx(back / known) and 0 < back < known


@pytest.mark.parametrize("seed", range(4))
def test_detection_within_90_days_that_stays_8(seed: int) -> None:
    labels, truth, events, evidence = world(seed)
    owner = owners(labels, truth)
    delays: list[float] = []
    for c in range(PEOPLE):
        begin = int(truth.changed[c])
        if not FROM_DAY <= begin <= DAYS - 98:
            continue
        found = [
            delay
            for delay in range(91)
            if all(owner.get(int(labels[begin + delay + i, c]), -9) == truth.after[c] for i in range(8))
        ]
        delays.append(min(found, default=np.inf))
    scores = metrics.judge(labels, truth, events, evidence)
    seen = [delay for delay in delays if np.isfinite(delay)]
    assert seen
    assert scores.detected == pytest.approx(len(seen) / len(delays)) and scores.delay == np.median(seen)


def test_agreement_and_coverage_are_over_the_old_enough_with_evidence() -> None:
    labels, truth, events, evidence = world(9)
    chosen = [c for c in range(PEOPLE) if DAYS - truth.met[c] > 45 and evidence[DAYS, c]]
    expected = pairs([int(max(labels[DAYS, c], 1)) for c in chosen], [int(truth.kind[DAYS, c]) for c in chosen])
    found = metrics.judge(labels, truth, events, evidence)
    assert found.ari == pytest.approx(expected)
    looks = range(FROM_DAY, DAYS + 1, 5)
    shares = []
    for day in looks:
        old = [c for c in range(PEOPLE) if day - truth.met[c] > 45 and evidence[day, c]]
        shares.append(sum(labels[day, c] >= 2 for c in old) / len(old))
    assert found.coverage == pytest.approx(np.mean(shares))


def pairs(a: list[int], b: list[int]) -> float:
    """Compute the adjusted Rand index by counting pairs."""
    both = one = two = total = 0
    for i, j in combinations(range(len(a)), 2):
        same_a, same_b = a[i] == a[j], b[i] == b[j]
        both, one, two, total = both + (same_a and same_b), one + same_a, two + same_b, total + 1
    expected = one * two / total
    return (both - expected) / ((one + two) / 2 - expected)


def test_the_adjusted_rand_index_by_pairs() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 4, 80), rng.integers(0, 3, 80)
    assert adjusted_rand(a, b) == pytest.approx(pairs(a.tolist(), b.tolist()))
    assert adjusted_rand(a, (a + 1) % 4) == 1


def test_perfect_labels_score_perfectly() -> None:
    _, truth, events, evidence = world(3)
    found = metrics.judge((np.maximum(truth.kind, -1) + 2).astype(np.int16), truth, events, evidence)
    assert (found.ari, found.ari_settled, found.spurious, found.away) == (1, 1, 0, 0)
    assert found.detected == 1 and found.delay == 0
