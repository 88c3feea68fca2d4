"""A fixed piece of work that measures the machine, so that results of different machines and hours can be compared."""

from __future__ import annotations

import json
import time

import numpy as np

_BODY = json.dumps(
    {"type": "order.completed", "event_id": "e1", "customer_id": "c1", "total": 49.9, "products": [{"price": 49.9}] * 3}
)


def yardstick() -> float:
    """Return the minimum CPU microseconds, over many rounds, of one round of plain Python, JSON and small NumPy arrays."""
    numbers = np.linspace(1.0, 2.0, 64)
    best = float("inf")
    for _ in range(20):
        begun = time.process_time()
        for _ in range(100):
            sums: dict[str, float] = {}
            for at in range(40):
                name = f"k{at & 7}"
                sums[name] = sums.get(name, 0.0) + at * 0.5
            json.dumps(json.loads(_BODY))
            np.log(numbers * numbers + 1.0).sum()
        best = min(best, time.process_time() - begun)
    return best / 100 * 1e6
