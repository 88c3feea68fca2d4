"""Test laws of folding: arrival order and repeats do not matter inside the windows."""

from __future__ import annotations

from heart_logs import DAY, HOUR, T0, Driver, LogMaker, order, reversal, view
from heart_statistics import assert_same
from hypothesis import given, settings
from hypothesis import strategies as st

from models.customer.customer import Customer
from models.rules.defaults import DEFAULTS
from models.rules.evaluate import facts
from streamer.core.policy import Policy

HALF_LIFE = 25.0 * DAY

Happening = tuple[str, int, int, int]
KINDS = st.sampled_from(["order", "order", "view", "refund", "cancel", "unnamed"])
HAPPENINGS = st.lists(
    st.tuples(KINDS, st.integers(0, 400 * 24), st.integers(0, 8), st.integers(0, 30_000)), min_size=1, max_size=30
)
"""Kind, hours, which order, cents."""


def events(happenings: list[Happening]) -> list[bytes]:
    """Return events of one customer; reversals name one of nine orders, and some of these do not exist."""
    found, named = [], set()
    for number, (kind, hours, which, cents) in enumerate(happenings):
        at, money = T0 - 401 * DAY + hours * HOUR + number, cents / 100
        if kind == "order" and which not in named:
            named.add(which)
            lines = [{"product_id": "p", "category": f"c{which % 4}", "price": money, "quantity": 1 + which % 3}]
            found.append(order(f"e{number}", "ann", at, money, f"o{which}", products=lines, discount=which % 2))
        elif kind in ("refund", "cancel"):
            total = money if kind == "refund" else None
            found.append(reversal(f"e{number}", "ann", at, f"o{which}", total=total))
        elif kind == "unnamed":
            found.append(reversal(f"e{number}", "ann", at, total=money))
        else:
            found.append(view(f"e{number}", "ann", at, category=f"c{which % 4}"))
    return found


def folded(arrival: list[bytes]) -> tuple[Driver, Customer]:
    """Fold all of them a year later, in this arrival order, and evaluate at a fixed instant."""
    log = LogMaker(now=T0)
    for value in arrival:
        log.event(value)
    log.event(view("last", "ann", T0 + DAY), now=T0 + DAY)
    log.event(reversal("settles", "ann", T0 + DAY, total=0.0))
    driver = Driver()
    driver.feed(log.records)
    return driver, driver.customer("ann")


@settings(deadline=None, max_examples=80)
@given(st.data(), HAPPENINGS)
def test_any_arrival_and_any_repeats_give_the_same_statistics(data: st.DataObject, happened: list[Happening]) -> None:
    values = events(happened)
    shuffled = data.draw(st.permutations(values))
    repeats = data.draw(st.lists(st.sampled_from(values), max_size=10))
    _, usual = folded(sorted(values, key=lambda value: value[value.index(b"occurred_at") :]))
    driver, other = folded([*shuffled, *repeats])
    assert (other.first_seen, other.last_seen) == (usual.first_seen, usual.last_seen)
    scale = sum(abs(cents) for *_, cents in happened) * 2.0 ** ((T0 - 1_577_836_800_000) / HALF_LIFE) + 1.0
    assert_same(other.statistics, usual.statistics, abs=1e-9 * scale)
    assert (other.book.orders, other.book.waiting) == (usual.book.orders, usual.book.waiting)
    assert driver.state.ledger.duplicates == len(repeats)
    assert driver.state.ledger.applied == len(values) + 2
    assert driver.state.ledger.revenue_minor == usual.statistics.spend == other.statistics.spend


@settings(deadline=None, max_examples=60)
@given(st.data(), HAPPENINGS)
def test_any_arrival_leads_to_the_same_segments(data: st.DataObject, happened: list[Happening]) -> None:
    """Hysteresis depends on the path; for customers whom no segment holds, only the statistics count."""
    values = events([(kind, hours, which, 7_000) for kind, hours, which, _ in happened if kind != "unnamed"])
    segments = []
    for arrival in (values, data.draw(st.permutations(values))):
        _, ann = folded(arrival)
        now = facts(ann, T0 + 2 * DAY, DEFAULTS, Policy().shop)
        now.segments.clear()
        for segmentation in DEFAULTS.segmentations:
            now.segments[segmentation.name] = segmentation.evaluate(None, now)
        segments.append(now.segments)
    assert segments[0] == segments[1]
