"""The simulated shop's catalogue: ten categories of twelve products, all with the same ladder of prices."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Products by category, cheapest first; the position in a line is the rung of the price ladder.
_NAMES: dict[str, str] = {
    "home": "Beeswax candle|Linen napkins|Ceramic vase|Wool cushion|Table lamp|Picture frames|Wall clock|"
    "Bedspread|Side table|Floor lamp|Armchair|Oak dining table",
    "kitchen": "Wooden spoon|Tea towels|Glass jar|Chopping board|Cast iron pan|Chef's knife|Kettle|"
    "Knife block|Coffee grinder|Stand mixer|Espresso machine|Range cooker hood",
    "garden": "Flower seeds|Plant labels|Terracotta pot|Hand trowel|Watering can|Pruning shears|Bird bath|"
    "Garden hose reel|Folding chair|Fire bowl|Parasol|Garden bench",
    "books": "Pocket notebook|Paperback novel|City map|Hardback novel|Cookbook|Picture atlas|Box of novels|"
    "Art monograph|Language course|Encyclopaedia|Signed edition|First edition",
    "toys": "Bouncing ball|Card game|Wooden blocks|Jigsaw puzzle|Plush bear|Board game|Train set|"
    "Dolls' house|Balance bike|Play kitchen|Climbing frame|Go-kart",
    "beauty": "Hand soap|Lip balm|Shower gel|Face cream|Hair brush|Body lotion set|Eau de toilette|"
    "Skin care set|Electric toothbrush|Hair dryer|Eau de parfum|Spa weekend",
    "sports": "Sweatband|Skipping rope|Water bottle|Yoga mat|Dumbbells|Running shirt|Football boots|"
    "Tennis racket|Running shoes|Rucksack|Inflatable kayak|Rowing machine",
    "fashion": "Ankle socks|Cotton tights|T-shirt|Leather belt|Knitted scarf|Linen shirt|Jeans|"
    "Summer dress|Wool jumper|Leather boots|Winter coat|Leather jacket",
    "electronics": "Charging cable|Phone case|Card reader|Wireless mouse|Power bank|Keyboard|Headphones|"
    "Smart speaker|Fitness watch|Tablet|Camera|Laptop",
    "stationery": "Pencil|Washi tape|Greeting cards|Gel pens|Sketch book|Desk tidy|Fountain pen|"
    "Leather diary|Desk lamp|Drawing board|Label printer|Drafting table",
}
CATEGORIES: tuple[str, ...] = tuple(_NAMES)
RUNGS = 12
_CHEAPEST, _STEP = 4.0, 1.55


@dataclass(frozen=True, slots=True)
class Product:
    """One product. ``place`` is ``category * RUNGS + rung``, the number used in all arrays."""

    place: int
    product_id: str
    name: str
    category: str


PRODUCTS: tuple[Product, ...] = tuple(
    Product(c * RUNGS + rung, f"{category[:4]}-{100 + c * RUNGS + rung}", name, category)
    for c, category in enumerate(CATEGORIES)
    for rung, name in enumerate(_NAMES[category].split("|"))
)

LADDER: NDArray[np.float64] = np.array([_CHEAPEST * _STEP**rung for rung in range(RUNGS)])
"""Price of each rung in euros: 4.00 to about 500."""


def rung_for(amount: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the rung whose price is nearest, in proportion, to an amount in euros."""
    steps = np.log(np.maximum(amount, 0.01) / _CHEAPEST) / np.log(_STEP)
    rungs: NDArray[np.int64] = np.clip(np.rint(steps), 0, RUNGS - 1).astype(np.int64)
    return rungs


def price_table(months: int, yearly_growth: float, scale: float) -> NDArray[np.int64]:
    """Return prices in minor units, shape (months, products); ``scale`` is minor units per euro."""
    growth = (1.0 + yearly_growth) ** (np.arange(months) / 12)
    rungs = np.tile(LADDER, len(CATEGORIES))
    return np.maximum(1, np.rint(np.outer(growth, rungs) * scale)).astype(np.int64)


def line_fragments(prices: NDArray[np.int64], unit: int) -> list[str]:
    """Return the JSON members of an order line up to the quantity, indexed by ``month * products + place``."""
    heads = [
        f'{{"product_id":"{p.product_id}","name":{json.dumps(p.name)},"category":"{p.category}","price":'
        for p in PRODUCTS
    ]
    return [
        f"{head}{amount_text(minor, unit)}" + ',"quantity":'
        for month in prices.tolist()
        for head, minor in zip(heads, month, strict=True)
    ]


def view_fragments(prices: NDArray[np.int64], unit: int, currency: str) -> list[str]:
    """Return the JSON members of an interaction with a product, indexed by ``month * products + place``."""
    return [
        f'"product_id":"{p.product_id}","category":"{p.category}","price":{amount_text(minor, unit)},'
        f'"currency":"{currency}",'
        for month in prices.tolist()
        for p, minor in zip(PRODUCTS, month, strict=True)
    ]


def amount_text(minor: int, unit: int) -> str:
    """Return an amount in minor units as a JSON number; ``unit`` is minor units per major unit.

    >>> amount_text(1990, 100), amount_text(400, 1)
    ('19.9', '400')
    """
    return str(minor) if unit == 1 else repr(minor / unit)
