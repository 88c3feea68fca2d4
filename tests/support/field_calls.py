"""Report the result of each call of the Segment cases: applied, counted as a custom event, or rejected and why.

``python -m field_calls`` prints it call by call.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from field_cases import CASES
from heart_logs import Driver, LogMaker

from schemas.wire_time import epoch_ms
from streamer.core.policy import Policy

CALLS: Final = ("segment-order-shapes", "segment-other-calls")


def fates(case: str) -> Iterator[tuple[str, str]]:
    """Yield each call of a case, by type and id, with its result."""
    driver, log = Driver(replace(Policy(), lanes=1)), LogMaker(now=epoch_ms("2024-03-03T00:00:00Z"))
    ledger = driver.state.ledger
    for line in (CASES / case / "input.jsonl").read_text().splitlines():
        call = json.loads(line)
        before = ledger.applied, sum(ledger.tracked.values()), Counter(ledger.fields_ignored)
        log.put(None, line.encode())
        dead = driver.feed(log.records[-1:]).dead_letters
        if dead:
            fate = f"refused: {dead[0].reason}: {dead[0].message}"
        elif sum(ledger.tracked.values()) > before[1]:
            fate = "own event"
        else:
            fate = "applied" if ledger.applied > before[0] else "repeat"
        left_out = Counter(ledger.fields_ignored) - before[2]
        who = next((call[name] for name in ("userId", "user_id", "anonymousId") if call.get(name)), "")
        yield (
            f"{call.get('event') or call['type']} {who}",
            fate + (f" without {', '.join(left_out)}" if left_out else ""),
        )


def main() -> None:
    """Print all calls, and how many of each case were accepted."""
    for case in CALLS:
        found = list(fates(case))
        print(case)
        for call, fate in found:
            print(f"  {call:<34} {fate}")
        counts = Counter(fate.partition(":")[0].partition(" without")[0] for _, fate in found)
        print(f"  {len(found)} calls: {', '.join(f'{count} {fate}' for fate, count in counts.most_common())}")


if __name__ == "__main__":
    main()
