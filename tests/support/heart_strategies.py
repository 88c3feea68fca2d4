"""Define Hypothesis strategies for whole lane logs, and for ways to process them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from heart_definitions import FORESEEING, HEART_DEFINITIONS, MOODY
from heart_logs import DAY, HOUR, T0, Driver, LogMaker, by_customer, check_chain, event, order, reversal, view
from heart_models import foreseeing, jumpy
from hypothesis import strategies as st

from models.features.time import DayGrid
from models.rules.declared import load
from models.rules.defaults import DEFAULT_TEXT
from schemas.control import CONTROL_HEADER, IMPORT_HEADER
from schemas.records import Record
from streamer.core.policy import Policy
from streamer.core.state import Tick

POLICY = Policy(
    lanes=2,
    grid=DayGrid("Europe/Berlin"),
    panel_target=2,
    definitions=load(FORESEEING, 1),
)
MOODS = replace(POLICY, definitions=load(MOODY, 1))
"""The same with rules and bands that use no prediction."""
HERE = ("ann", "bob", "cem", "eve", "fay")
"""Customers whose keys belong to partition 0 of two."""
ELSEWHERE = "gus"
"""A customer whose key belongs to partition 1."""

_BROKEN = (
    b"{",
    b'{"type": "order.completed"}',
    order("x", "ann", T0, 5.0, currency="XXX"),
    order("x", "ann", T0, 5.0, currency="USD"),
    view("x", "ann", T0 + 4_000 * DAY),
    view("x", "ann", T0 - 4_000 * DAY),
    b'{"type": "control.clock", "import_id": "i", "at": "2025-03-02T00:00:00Z"}',
)

KINDS = (
    *("order",) * 6,
    *("view",) * 6,
    *("refund",) * 2,
    *("wait",) * 3,
    *("import",) * 5,
    "cancel",
    "duplicate",
    "same order",
    "late",
    "ahead",
    "broken",
    "misplaced",
    "no key",
    "open",
    "clock",
    "close",
    "model",
    *("prediction",) * 2,
    "definitions",
    "definitions",
    "bad control",
    "long wait",
    *("profile",) * 2,
    "consent",
    "feedback",
    "outcome",
    "subscription",
    "erase",
    "link",
)

DEFINITIONS_TEXTS = (DEFAULT_TEXT, MOODY, FORESEEING, *HEART_DEFINITIONS, "[no", "[x]\nkind = 'none'")
"""Files of segmentations that come into force in turn; the last two are invalid."""

Step = tuple[str, int, int, int]
STEPS = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, 4), st.integers(0, 40), st.integers(1, 30)),
    min_size=8,
    max_size=60,
)
"""What happens: kind, customer, hours, an amount."""


def lane_log(steps: Sequence[Step], *, own: bool = False) -> list[Record]:
    """Return a log of partition 0 made of ``steps``: live events in their time, and imports of last year.

    With ``own``, customers of the partition are also joined to each other, so that the lane writes to itself
    (`answered`). Otherwise they are joined only to a customer of the other partition, and the log is complete.
    """
    log = LogMaker(now=T0)
    history = T0 - 300 * DAY
    opened: set[str] = set()
    imports = ["i0", "i1"]
    names: list[str] = []
    model, prediction, definitions_version = 0, 0, 1
    for number, (kind, who, hours, amount) in enumerate(steps):
        customer, id = HERE[who], f"e{number}"
        log.now += hours * HOUR // 8 + 7 * amount
        now = log.now
        some_order = names[amount % len(names)] if names else "o-unknown"
        match kind:
            case "order":
                names.append(f"o-{id}")
                log.event(order(id, customer, now - 800, 7.5 * amount, products=_lines(amount)), gap=who == 4)
            case "view":
                log.event(view(id, customer, now - 300, category=f"c{amount % 3}"))
            case "refund":
                log.event(reversal(id, customer, now, some_order, total=2.0 * amount))
            case "cancel":
                log.event(reversal(id, customer, now, some_order))
            case "wait":
                log.now += amount * 3 * HOUR
            case "long wait":
                log.now += amount * 5 * DAY
            case "duplicate" if log.records:
                again = log.records[amount % len(log.records)]
                log.put(again.key, again.value, again.headers)
            case "same order" if names:
                log.event(order(id, customer, now, 3.0, names[amount % len(names)]))
            case "late":
                names.append(f"o-{id}")
                log.event(order(id, customer, now - amount * DAY, 4.0 * amount))
            case "ahead":
                log.event(view(id, customer, now + amount * 9_000))
            case "broken":
                log.put(b"ann", _BROKEN[amount % len(_BROKEN)])
            case "misplaced":
                log.event(order(id, ELSEWHERE, now, 1.0))
            case "no key":
                log.put(None, view(id, customer, now))
            case "open":
                # A closed import is not reopened: another run of it has another id.
                if imports[who % 2] not in opened:
                    imports[who % 2] = f"i{who % 2}-{number}"
                opened.add(imports[who % 2])
                log.opened(imports[who % 2])
            case "clock":
                history = min(history + amount * DAY, now)
                log.clock(imports[who % 2], POLICY.grid.instant(POLICY.grid.day_of(history)))
            case "import":
                history = min(history + amount * HOUR, now)
                value = order(id, customer, history, 5.0 * amount) if hours % 2 else view(id, customer, history)
                log.event(value, import_id=imports[who % 2])
            case "close":
                log.closed(imports[who % 2])
                opened.discard(imports[who % 2])
            case "model":
                model += 1
                log.model(jumpy(model, shift=0.3 * (amount % 3), without=("steady",) if amount % 5 == 0 else ()))
            case "prediction":
                prediction += 1
                log.predictions(foreseeing(prediction, keen=0.2 * (amount % 9 - 4)))
            case "definitions":
                definitions_version += 1 + who
                log.definitions(definitions_version, DEFINITIONS_TEXTS[amount % len(DEFINITIONS_TEXTS)])
            case "profile":
                size = (amount, "big", amount > 9)[hours % 3]
                traits = {"birth_year": 1995 + amount % 5 if amount % 4 else None, "custom": {f"t{amount % 3}": size}}
                log.event(event("profile.updated", id, customer, now - hours * HOUR, traits=traits))
            case "consent":
                consent = {"personalization": amount % 3 > 0, "marketing": amount % 2 > 0, "analytics": True}
                log.event(event("consent.updated", id, customer, now - hours * HOUR // 4, **consent))
            case "feedback":
                fields = {"kind": "complaint"} if amount % 2 else {"kind": "nps", "rating": amount % 11}
                log.event(event("feedback.submitted", id, customer, now - hours * HOUR, **fields))
            case "outcome":
                fields = {"message_id": id, "change_event_id": "c", "outcome": ("sent", "unsubscribed")[amount % 2]}
                log.event(event("message.outcome", id, customer, now - hours * HOUR, **fields))
            case "subscription":
                name, wanted = f"list{amount % 3}", amount % 2 > 0
                log.event(event("subscription.updated", id, customer, now - hours * HOUR, list=name, subscribed=wanted))
            case "link":
                known = (*HERE, ELSEWHERE)[(who + 1 + amount) % 6] if own else ELSEWHERE
                log.event(event("identity.linked", id, known, now, anonymous_id=customer))
            case "erase":
                if hours % 2:
                    log.event(event("customer.erased", id, customer, now - hours * HOUR // 4))
                else:
                    log.put(customer.encode(), None)
            case "bad control":
                log.put(None, b'{"type": "control.clock"}', [(CONTROL_HEADER, b"1")])
            case _:
                pass
    return log.records


def answered(records: Sequence[Record]) -> list[Record]:
    """Return the log with what the lane itself writes to it: merges, and erases that follow aliases."""
    driver, log = Driver(POLICY), LogMaker()
    for record in records:
        gap = record.offset - (log.records[-1].offset + 1 if log.records else 0)
        waiting = [(record.key, record.value, record.headers)]
        while waiting:
            key, value, headers = waiting.pop(0)
            log.put(key, value, headers, now=record.timestamp, gap=max(0, gap))
            gap = 0
            seen = len(driver.rerouted)
            driver.feed(log.records[-1:])
            waiting += [(one.key, one.value, one.headers) for one in driver.rerouted[seen:] if one.partition == 0]
    return log.records


def _lines(amount: int) -> list[dict[str, object]]:
    return [{"product_id": "p", "category": f"c{amount % 3}", "price": 7.5, "quantity": amount}]


WALL = replace(POLICY, wall=True)
"""The same policy, in which the wall clock counts."""


def moves_clock(record: Record, policy: Policy) -> bool:
    """Return whether a record advances the lane's clock. A tick may advance it only before such a record."""
    if policy.wall:
        return True
    names = {name for name, _ in record.headers}
    return CONTROL_HEADER not in names and IMPORT_HEADER not in names


@dataclass(frozen=True)
class Stop:
    """What happens between two batches: evaluating some customers, perhaps with the wall clock, and evicting some."""

    place: int
    tick: frozenset[int]
    wall: int | None
    leave: frozenset[int]


STOPS = st.lists(
    st.builds(
        Stop,
        st.integers(0, 60),
        st.frozensets(st.integers(0, 4)),
        st.one_of(st.none(), st.integers(0, 100)),
        st.frozensets(st.integers(0, 4)),
    ),
    max_size=12,
)


def finish(driver: Driver, records: Sequence[Record]) -> None:
    """Evaluate all customers a hundred days after the last record."""
    driver.tick(max((record.timestamp for record in records), default=T0) + 100 * DAY)
    check_chain(driver.changes)


def straight(records: Sequence[Record], policy: Policy = POLICY) -> Driver:
    """Process the log in one batch, without evaluating anybody before the end."""
    driver = Driver(policy)
    driver.feed(records)
    finish(driver, records)
    return driver


def one_by_one(records: Sequence[Record], policy: Policy = POLICY) -> Driver:
    """Process every record in its own batch."""
    driver = Driver(policy)
    for record in records:
        driver.feed([record])
    finish(driver, records)
    return driver


def with_stops(records: Sequence[Record], stops: Sequence[Stop], policy: Policy = POLICY) -> Driver:
    """Process batches cut at stops, where customers are evaluated and evicted."""
    driver = Driver(policy)
    position = 0
    for stop in sorted(stops, key=lambda stop: stop.place):
        place = min(stop.place, len(records))
        driver.feed(records[position:place])
        position = place
        clock = None
        if stop.wall is not None and place < len(records) and moves_clock(records[place], policy):
            before = driver.state.ledger.clock
            latest = records[place].timestamp - 10_000
            if latest > before:
                clock = before + (latest - before) * stop.wall // 100
        due = [HERE[index] for index in sorted(stop.tick) if HERE[index] in driver.parts]
        for id in due:
            driver.bring(id)
        driver.feed([], Tick(clock, due))
        driver.drop(HERE[index] for index in stop.leave)
    driver.feed(records[position:])
    finish(driver, records)
    return driver


def summary(driver: Driver) -> dict[str, object]:
    """Return what must be the same, however the log was processed."""
    ledger = driver.state.ledger
    return {
        "changes": by_customer(driver.changes),
        "dead": [(dead.record.offset, dead.reason) for dead in driver.dead],
        "rerouted": driver.rerouted,
        "counts": {
            name: getattr(ledger, name)
            for name in (
                *("next_offset", "clock", "consumed", "applied", "duplicates", "late", "rerouted", "dead_letters"),
                *(
                    "control",
                    "orders",
                    "reversals",
                    "revenue_minor",
                    "customers",
                    "changes",
                    "sizes",
                    "timeline",
                    "predictions",
                    "definitions_versions",
                    "behind",
                ),
            )
        },
    }


def a_bit_of_everything() -> list[Record]:
    """Return a lane's log of 30 records."""
    log = LogMaker(now=T0)
    for number, id in enumerate(HERE):
        log.event(order(f"a{number}", id, log.now, 30.0 + number), now=log.now + HOUR)
    log.model(jumpy(1))
    log.put(b"ann", b"{")
    log.event(order("x", "gus", log.now, 1.0))
    log.opened("old")
    for day in (300, 290, 200):
        log.clock("old", T0 - day * DAY)
        log.event(order(f"h{day}", "kim" if day == 290 else "hal", T0 - day * DAY + HOUR, 80.0), import_id="old")
    log.closed("old")
    for day in (2, 3, 5, 40):
        log.event(view(f"v{day}", "bob", T0 + day * DAY), now=T0 + day * DAY)
        log.event(order(f"b{day}", "cem", T0 + day * DAY, 60.0))
    log.event(reversal("r1", "cem", log.now, "o-b3"))
    log.event(order("b3", "cem", T0 + 3 * DAY, 60.0))
    log.event(order("later", "cem", T0 + 60 * DAY, 10.0), now=T0 + 60 * DAY)
    log.model(jumpy(2, shift=0.4), now=T0 + 60 * DAY)
    log.event(order("late", "ann", T0 - DAY, 60.0))
    log.event(view("v90", "eve", T0 + 90 * DAY), now=T0 + 90 * DAY)
    return log.records


A_BIT_OF_EVERYTHING = a_bit_of_everything()
