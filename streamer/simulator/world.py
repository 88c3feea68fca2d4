"""A shop's fixed data: customers, prices, and the pieces of text from which events are assembled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.money import exponent
from streamer.simulator.catalogue import line_fragments, price_table, view_fragments
from streamer.simulator.config import ShopConfig
from streamer.simulator.population import Ints, Population, draw_population
from streamer.simulator.scenarios import Scenario, scenario_named

_MONTH_MS = 30 * 86_400_000
_CHANNELS, _CHANNEL_SHARES = ("web", "app", "store"), (0.6, 0.33, 0.07)
_DEVICES, _DEVICE_SHARES = ("mobile", "desktop", "tablet"), (0.62, 0.3, 0.08)
_LOCALES, _LOCALE_SHARES = ("de-DE", "en-GB", "fr-FR", "nl-NL", "es-ES"), (0.4, 0.25, 0.15, 0.1, 0.1)
# Scale of prices, which are made for euros, in currencies without a minor unit, whose unit is worth about a cent.
_SCALE_WITHOUT_MINOR = 150.0


@dataclass(frozen=True, slots=True)
class World:
    """The data that does not change while a shop runs.

    Attributes
    ----------
    prices
        Minor units, shape (months, products).
    unit
        Minor units per major unit of the currency.
    prefix
        Prefix of all ids, so that two shops never share an id; it does not depend on noise.
    ids, contexts
        Each customer's id, and the members of the ``context`` object.
    views, lines
        JSON members of an interaction's and a line's product, by ``month * products + product``.
    """

    config: ShopConfig
    scenario: Scenario
    population: Population
    prices: NDArray[np.int64]
    unit: int
    prefix: str
    ids: list[str]
    contexts: list[str]
    views: list[str]
    lines: list[str]

    def months(self, at: Ints) -> Ints:
        """Return the row of ``prices`` in force at each instant; the last row applies after the history too."""
        return np.clip((at - self.config.start) // _MONTH_MS, 0, len(self.prices) - 1)


def build_world(config: ShopConfig) -> World:
    """Draw the world of a shop from its seed."""
    scenario = scenario_named(config.scenario)
    population = draw_population(config, generator(config, "population"))
    unit: int = 10 ** exponent(config.currency)
    prices = price_table(
        months=config.days // 30 + 1,
        yearly_growth=scenario.inflation,
        scale=unit if unit > 1 else _SCALE_WITHOUT_MINOR,
    )
    rng = generator(config, "contexts")
    count = config.customers
    channels = rng.choice(_CHANNELS, size=count, p=_CHANNEL_SHARES).tolist()
    devices = rng.choice(_DEVICES, size=count, p=_DEVICE_SHARES).tolist()
    locales = rng.choice(_LOCALES, size=count, p=_LOCALE_SHARES).tolist()
    return World(
        config=config,
        scenario=scenario,
        population=population,
        prices=prices,
        unit=unit,
        prefix=config.digest(noise=False)[:6],
        ids=[f"{config.ids}{number:06d}" for number in range(count)],
        contexts=[
            f'"channel":"{channel}","device":"{device}","locale":"{locale}"'
            for channel, device, locale in zip(channels, devices, locales, strict=True)
        ],
        views=view_fragments(prices, unit, config.currency),
        lines=line_fragments(prices, unit),
    )


_STREAMS = ("population", "contexts", "block", "noise", "extras", "live", "live-noise", "live-extras")


def generator(config: ShopConfig, stream: str, number: int = 0) -> np.random.Generator:
    """Return a random generator for one use, so that no use changes the draws of another."""
    return np.random.default_rng([config.seed, _STREAMS.index(stream), number])
