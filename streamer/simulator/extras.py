"""The rarer types of event: profiles, consents, subscriptions, linked identities, feedback, outcomes, erasures."""

from __future__ import annotations

import numpy as np

from streamer.simulator.arrivals import DAY_MS, instants
from streamer.simulator.baskets import Orders
from streamer.simulator.population import Ints
from streamer.simulator.render import Rendered, stamps
from streamer.simulator.world import World

# Per customer and day; feedback per order.
_PROFILE_RATE, _CONSENT_RATE, _MESSAGE_RATE, _ERASED_RATE = 1 / 400, 1 / 1_500, 1 / 60, 1 / 50_000
_SUBSCRIPTION_RATE = 1 / 3_000
_LISTS = ("offers", "news")
_FEEDBACK_SHARE, _LINKED_SHARE = 0.06, 0.3
_COUNTRIES = ("DE", "GB", "FR", "NL", "ES")
_TIERS = ("basic", "silver", "gold")
_OUTCOMES, _OUTCOME_SHARES = ("delivered", "opened", "clicked", "unsubscribed"), (0.6, 0.28, 0.1, 0.02)


def render_extras(
    world: World, tag: str, days: tuple[int, int], orders: Orders, rng: np.random.Generator, into: Rendered
) -> None:
    """Append the rarer events of the days and of the block's orders."""
    joined = world.population.joined
    newcomers = np.flatnonzero((days[0] <= joined) & (joined < days[1]))
    at = instants(joined[newcomers].astype(np.float64), world.config.start)
    profiled, profiled_at = _drawn(world, days, _PROFILE_RATE, rng)
    profiled, profiled_at = np.concatenate([newcomers, profiled]), np.concatenate([at, profiled_at])
    _add(world, f"{tag}-p", "profile.updated", profiled, profiled_at, _profiles(len(profiled), rng), into)
    _linked(world, tag, newcomers, at, rng, into)

    customers, at = _drawn(world, days, _CONSENT_RATE, rng)
    bodies = [
        f'"personalization":{yes},"marketing":{mail},"analytics":true,"policy_version":"2025-01"'
        for yes, mail in zip(_booleans(len(at), 0.7, rng), _booleans(len(at), 0.5, rng), strict=True)
    ]
    _add(world, f"{tag}-c", "consent.updated", customers, at, bodies, into)

    customers, at = _drawn(world, days, _MESSAGE_RATE, rng)
    outcomes = rng.choice(_OUTCOMES, size=len(at), p=_OUTCOME_SHARES).tolist()
    bodies = [
        f'"message_id":"m{tag}-{n:x}","change_event_id":"s{tag}-{n:x}","outcome":"{outcome}","variant":"{"ab"[n % 2]}"'
        for n, outcome in enumerate(outcomes)
    ]
    _add(world, f"{tag}-m", "message.outcome", customers, at, bodies, into)

    customers, at = _drawn(world, days, _ERASED_RATE, rng)
    _add(world, f"{tag}-e", "customer.erased", customers, at, [""] * len(at), into)
    _feedback(world, tag, orders, rng, into)

    customers, at = _drawn(world, days, _SUBSCRIPTION_RATE, rng)
    _add(world, f"{tag}-s", "subscription.updated", customers, at, _subscriptions(len(at), rng), into)


def render_live(
    world: World, tag: str, count: int, span: tuple[int, int], rng: np.random.Generator, into: Rendered
) -> None:
    """Append rarer types, in small ratios, for ``count`` live events between two instants (ms)."""
    there = np.unique(world.population.customer[world.population.last_spells])

    def some(share: float) -> tuple[Ints, Ints]:
        many = int(rng.binomial(count, share))
        return rng.choice(there, many), span[0] + (rng.random(many) * (span[1] - span[0])).astype(np.int64)

    customers, at = some(1 / 50)
    _add(world, f"{tag}-p", "profile.updated", customers, at, _profiles(len(at), rng), into)
    customers, at = some(1 / 200)
    _linked(world, f"{tag}-l", customers, at, rng, into)
    customers, at = some(1 / 400)
    yes = zip(_booleans(len(at), 0.7, rng), _booleans(len(at), 0.5, rng), strict=True)
    bodies = [f'"personalization":{may},"marketing":{mail},"analytics":true' for may, mail in yes]
    _add(world, f"{tag}-c", "consent.updated", customers, at, bodies, into)
    customers, at = some(1 / 40)
    outcomes = rng.choice(_OUTCOMES, size=len(at), p=_OUTCOME_SHARES).tolist()
    bodies = [
        f'"message_id":"m{tag}-{number:x}","change_event_id":"s{tag}-{number:x}","outcome":"{outcome}"'
        for number, outcome in enumerate(outcomes)
    ]
    _add(world, f"{tag}-m", "message.outcome", customers, at, bodies, into)
    customers, at = some(1 / 100)
    ratings = (rng.choice(5, size=len(at), p=(0.06, 0.05, 0.12, 0.3, 0.47)) + 1).tolist()
    _add(world, f"{tag}-f", "feedback.submitted", customers, at, [f'"kind":"csat","rating":{r}' for r in ratings], into)
    customers, at = some(1 / 5_000)
    _add(world, f"{tag}-e", "customer.erased", customers, at, [""] * len(at), into)
    customers, at = some(1 / 1_000)
    _add(world, f"{tag}-s", "subscription.updated", customers, at, _subscriptions(len(at), rng), into)


def _subscriptions(count: int, rng: np.random.Generator) -> list[str]:
    lists = rng.choice(_LISTS, size=count).tolist()
    wanted = _booleans(count, 0.3, rng)
    return [f'"list":"{name}","subscribed":{yes}' for name, yes in zip(lists, wanted, strict=True)]


def _drawn(world: World, days: tuple[int, int], rate: float, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Draw customers and instants (ms) of events at ``rate`` per customer and day, after joining."""
    length = days[1] - days[0]
    customers = np.repeat(np.arange(len(world.ids)), rng.poisson(rate * length, len(world.ids)))
    day = days[0] + rng.random(len(customers)) * length
    there = day >= world.population.joined[customers]
    return customers[there], instants(day[there], world.config.start)


def _profiles(count: int, rng: np.random.Generator) -> list[str]:
    years = rng.integers(1940, 2007, count).tolist()
    countries = rng.choice(_COUNTRIES, size=count).tolist()
    tiers = rng.choice(_TIERS, size=count, p=(0.7, 0.2, 0.1)).tolist()
    incomes = (np.rint(rng.lognormal(10.4, 0.5, count) / 100) * 100).astype(np.int64).tolist()
    return [
        f'"traits":{{"birth_year":{year},"country":"{country}","loyalty_tier":"{tier}","income":{income},'
        f'"marketing_opt_in":{opted}}}'
        for year, country, tier, income, opted in zip(
            years, countries, tiers, incomes, _booleans(count, 0.6, rng), strict=True
        )
    ]


def _linked(world: World, tag: str, customers: Ints, at: Ints, rng: np.random.Generator, into: Rendered) -> None:
    """Append one anonymous view and a link for new customers, as if they had browsed before they had an id."""
    places = np.flatnonzero(rng.random(len(customers)) < _LINKED_SHARE)
    chosen, when = customers[places], at[places]
    for customer, linked, seen, linked_text, seen_text in zip(
        chosen.tolist(), when.tolist(), (when - 1).tolist(), stamps(when), stamps(when - 1), strict=True
    ):
        own = world.ids[customer]
        anonymous = f"anon-{own}"
        head = f'{{"event_id":"{world.prefix}-{tag}-'
        view = (
            f'{head}v{customer:x}","type":"page.viewed","customer_id":"{anonymous}",'
            f'"occurred_at":"{seen_text}Z","url":"/"}}'
        )
        link = (
            f'{head}l{customer:x}","type":"identity.linked","customer_id":"{own}",'
            f'"occurred_at":"{linked_text}Z","anonymous_id":"{anonymous}"}}'
        )
        into.at += [seen, linked]
        into.keys += [anonymous.encode()] * 2
        into.values += [view.encode(), link.encode()]


def _feedback(world: World, tag: str, orders: Orders, rng: np.random.Generator, into: Rendered) -> None:
    """Append ratings of some orders, a day to two weeks after them."""
    order = np.flatnonzero(rng.random(len(orders.at)) < _FEEDBACK_SHARE)
    at = orders.at[order] + (rng.uniform(1, 14, len(order)) * DAY_MS).astype(np.int64)
    order, at = order[at < world.config.end], at[at < world.config.end]
    ratings = rng.choice(5, size=len(order), p=(0.06, 0.05, 0.12, 0.3, 0.47)) + 1
    bodies = [
        f'"kind":"review","rating":{rating},"order_id":"{world.prefix}{tag}-{number:x}"'
        for number, rating in zip(order.tolist(), ratings.tolist(), strict=True)
    ]
    _add(world, f"{tag}-f", "feedback.submitted", orders.customer[order], at, bodies, into)


def _add(world: World, tag: str, kind: str, customers: Ints, at: Ints, bodies: list[str], into: Rendered) -> None:
    texts = [
        f'{{"event_id":"{world.prefix}-{tag}{number:x}","type":"{kind}","customer_id":"{world.ids[customer]}",'
        f'"occurred_at":"{stamp}Z"{"," if body else ""}{body}}}'
        for number, (customer, stamp, body) in enumerate(zip(customers.tolist(), stamps(at), bodies, strict=True))
    ]
    into.add(at, customers, world.ids, texts)


def _booleans(count: int, share: float, rng: np.random.Generator) -> list[str]:
    return ["true" if yes else "false" for yes in (rng.random(count) < share).tolist()]
