"""Compute digests of everything that a lane writes for a log: the same log must yield the same bytes on every Python.

    python -m digests [NAME ...] [--write] [--record]

Prints one JSON object with a SHA-256 per log (all by default) and kind of output. ``--write`` stores
them in ``tests/golden/digests.json``, after a change that alters bytes on purpose; its commit explains why.
``--record`` first generates the simulated shop's log again. A log whose data is not on this machine is left out.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

from schemas import topics
from schemas.records import LogRecord
from streamer.core import ledger
from streamer.core.decide import decide
from streamer.core.decision import Decision
from streamer.core.decode import decode_records
from streamer.core.policy import Policy
from streamer.core.state import NO_TICK, LaneState, Tick
from streamer.lanes import encode
from streamer.lanes.keys import LEDGER_KEY

GOLDEN = Path(__file__).parents[1] / "golden" / "digests.json"
# Wall clock of changes and view; any value will do.
_DETECTED_AT = 1_767_225_600_000
_NAMES: Mapping[str, str] = {
    topics.STATE: "states",
    topics.CHANGES: "changes",
    topics.MEMBERSHIPS: "memberships",
    topics.DEADLETTERS: "dead letters",
    topics.PANEL: "panel rows",
    topics.EVENTS: "records for other lanes",
}

Digests = dict[str, str]
"""SHA-256 (hex, 16 digits) by kind of output, including ``ledger`` and ``documents``."""


class Written:
    """Hashes what a lane writes, transaction after transaction."""

    def __init__(self) -> None:
        self._hashes: dict[str, Any] = defaultdict(sha256)
        self.counts: dict[str, int] = defaultdict(int)

    def add(self, decision: Decision, state: LaneState, policy: Policy) -> None:
        """Hash the bytes of one outcome: all records of the transaction, and the documents of the view."""
        stored = encode.store(decision, state, policy)
        raw = ledger.dump(state.ledger)
        for (topic, partition), writes in encode.writes(decision, stored, raw, state, policy, _DETECTED_AT).items():
            for write in writes:
                name = "ledger" if write.key == LEDGER_KEY else _NAMES[topic]
                self._put(name, partition, write.key, write.value, tuple(write.headers))
        for id, one in stored.items():
            self._put("documents", id, one.document, one.due, one.clock_id)

    def _put(self, name: str, *values: object) -> None:
        self.counts[name] += 1
        self._hashes[name].update(repr(values).encode())

    @property
    def digests(self) -> Digests:
        """Return the digests."""
        return {name: found.hexdigest()[:16] for name, found in sorted(self._hashes.items())}


class DigestLane:
    """One lane in memory: all customers stay there, and time passes when the caller lets it.

    Parameters
    ----------
    on_outcome
        Called with each outcome before the next step.
    """

    def __init__(self, policy: Policy, on_outcome: Callable[[Decision], None] = lambda decision: None) -> None:
        self.policy = policy
        self.state = LaneState.fresh(0)
        # A random token in production.
        self.state.ledger.lane = "digest"
        self.written = Written()
        self._on_outcome = on_outcome
        self._dues: list[tuple[int, str]] = []

    def take(self, records: Sequence[LogRecord]) -> Decision:
        """Apply a batch of records."""
        decoded_records = decode_records(
            records,
            lanes=self.policy.lanes,
            local=self.state.cache.customers,
            max_event_bytes=self.policy.max_event_bytes,
            reading=self.policy.reading,
        )
        return self._step(decide(decoded_records, self.state, self.policy, NO_TICK))

    def run(self, records: Sequence[LogRecord], batch: int = 200) -> None:
        """Apply a whole log in batches and let time pass after each."""
        for at in range(0, len(records), batch):
            self.take(records[at : at + batch])
            self.pass_time()

    def pass_time(self, clock: int | None = None) -> None:
        """Apply what is due, for all customers by their own clocks; first move the lane's clock to ``clock`` (ms), if given."""
        if clock is not None:
            self._step(decide([], self.state, self.policy, Tick(clock=clock)))
        # Applying one due may create the next, which may have passed as well.
        while due := self._due():
            self._step(decide([], self.state, self.policy, Tick(due=due)))

    def _due(self) -> list[str]:
        ledger, cache = self.state.ledger, self.state.cache
        latest = max([ledger.clock, *(ledger.clock_of(name) for name in ledger.imports)])
        found: dict[str, None] = {}
        waiting = []
        while self._dues and self._dues[0][0] <= latest:
            at, id = heappop(self._dues)
            customer = cache.get(id)
            if customer is None or customer.due != at:
                continue
            if at <= ledger.clock_of(customer.clock_id):
                found[id] = None
            else:
                waiting.append((at, id))
        for one in waiting:
            heappush(self._dues, one)
        return list(found)

    def _step(self, decision: Decision) -> Decision:
        self.written.add(decision, self.state, self.policy)
        for customer in decision.touched.values():
            if customer.due is not None:
                heappush(self._dues, (customer.due, customer.id))
        self._on_outcome(decision)
        return decision


def main(arguments: Iterable[str] | None = None) -> None:
    """Run the command."""
    from digest_logs import LOGS, record_shop

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(LOGS)}")
    parser.add_argument("--write", action="store_true", help="keep what is found as what must come out")
    parser.add_argument("--record", action="store_true", help="draw the log of the simulated shop anew")
    args = parser.parse_args(None if arguments is None else list(arguments))
    if args.record:
        record_shop()
    found = {name: digests for name in args.names or LOGS if (digests := LOGS[name]()) is not None}
    if args.write:
        kept = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
        GOLDEN.write_text(json.dumps(kept | found, indent=2) + "\n")
    json.dump(found, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
