"""The machine's wall clock."""

from __future__ import annotations

import time


class SystemClock:
    """Reads the machine's clock in epoch milliseconds."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000
