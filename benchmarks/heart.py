"""CPU of the heart by stage, in this process, without servers: from a lane's log to bytes for Kafka and Redis.

    python -m benchmarks.heart [--events 100000] [--customers 5000] [--batch 8000] [--runs 3] [--log FILE] [--hot 30]

The log is that of one lane of the simulated shop, including cluster versions. Its first 35 days are not measured. The
last line is a digest of all output bytes, which must be the same for the same log.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from itertools import islice
from pathlib import Path
from types import FunctionType
from typing import Any

import hiredis
from aiokafka.producer.message_accumulator import BatchBuilder

from benchmarks.recorded import POLICY, Recorded, recorded
from benchmarks.stages import Sampler
from benchmarks.yardstick import yardstick
from models.behaviour import daily_step
from models.behaviour.memory import Memory
from models.customer import snapshot
from models.features import document
from models.rules import due, evaluate
from schemas.records import Record
from streamer.adapters.redis import write_arguments
from streamer.adapters.redis_keys import LaneKeys, write_function
from streamer.core import decide as heart
from streamer.core import decode, fold, ledger, panel, timers, transitions
from streamer.core.decision import Decision
from streamer.core.state import LaneState
from streamer.lanes import encode
from streamer.lanes.context import LaneSettings
from streamer.lanes.ports import Writes

# Wall clock of changes; the value does not matter.
_DETECTED_AT = 1_767_225_600_000
_BATCH_BYTES = 262_144
_TURN = LaneSettings().turn_records


def _codes(functions: Mapping[str, Iterable[Callable[..., Any]]]) -> dict[Any, str]:
    return {
        function.__code__: stage
        for stage, named in functions.items()
        for function in named
        if isinstance(function, FunctionType)
    }


def main() -> None:
    """Run the log ``runs`` times; print the minimum microseconds of CPU per record, in total and by stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--customers", type=int, default=5_000)
    parser.add_argument("--batch", type=int, default=8_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--log", type=Path, help="keep the log here for the next time")
    parser.add_argument("--hot", type=int, default=0, help="also print so many lines of code where CPU goes")
    args = parser.parse_args()
    log = recorded(args.customers, args.events, args.log)
    sampler = Sampler(_codes(_STAGES))
    least, unit, digest = float("inf"), yardstick(), ""
    for _ in range(args.runs):
        spent, digest = _run(log, args.batch, sampler)
        least, unit = min(least, spent), min(unit, yardstick())
    events = len(log.records) - log.warm
    print(f"{least / events * 1e6:.1f} us per record, {least / events * 1e6 / unit:.2f} yardsticks of {unit:.1f} us")
    taken = sum(sampler.samples.values())
    for stage, count in sampler.samples.most_common():
        print(f"  {stage:12} {least / events * 1e6 * count / taken:6.2f}")
    for line, count in sampler.functions.most_common(args.hot):
        print(f"    {least / events * 1e6 * count / taken:6.2f} {line}")
    print(f"digest {digest}")


# `benchmarks.counted` calls this and `_decide` of older commits too, so keep names and parameters.
def _run(log: Recorded, batch: int, sampler: Sampler) -> tuple[float, str]:
    state = LaneState.fresh(0)
    state.ledger.lane = "benchmark"
    # As in a worker.
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1_000)
    digest = sha256()
    records = iter(log.records)
    for some in _batches(islice(records, log.warm), batch):
        _digest(digest, _decide(some, state))
    spent = 0.0
    for some in _batches(records, batch):
        begun = time.process_time()
        sampler.start()
        out = _decide(some, state)
        sampler.stop()
        spent += time.process_time() - begun
        _digest(digest, out)
    return spent, digest.hexdigest()[:16]


def _batches(records: Iterable[Record], size: int) -> Iterator[list[Record]]:
    records = iter(records)
    while some := list(islice(records, size)):
        yield some


def _decide(records: list[Record], state: LaneState) -> tuple[Writes, list[Any]]:
    """Do what a lane does with a batch, as in ``Lane.turn``."""
    decoded_records = decode.decode_records(
        records, lanes=1, local=state.cache.customers, max_event_bytes=POLICY.max_event_bytes
    )
    decision = Decision()
    for at in range(0, len(decoded_records), _TURN):
        decision.absorb(heart.decide(decoded_records[at : at + _TURN], state, POLICY))
    state.ledger.next_offset = records[-1].offset + 1
    stored = encode.store(decision, state, POLICY)
    raw = ledger.dump(state.ledger)
    writes = encode.writes(decision, stored, raw, state, POLICY, _DETECTED_AT)
    update = encode.update(decision, stored, raw, state, decoded_records)
    _append(writes)
    args = write_arguments("before", "after", update)
    _pack(args)
    return writes, args


def _append(writes: Writes) -> None:
    for records in writes.values():
        builder = BatchBuilder(_BATCH_BYTES, 0, is_transactional=True)
        for write in records:
            key, value, headers = write.key, write.value, list(write.headers)
            if builder.append(timestamp=None, key=key, value=value, headers=headers) is None:
                builder._build()
                builder = BatchBuilder(_BATCH_BYTES, 0, is_transactional=True)
                builder.append(timestamp=None, key=key, value=value, headers=headers)
        builder._build()


def _pack(args: list[Any]) -> None:
    hiredis.pack_command(("FCALL", write_function(), 1, LaneKeys("", 0).base, *args))


def _digest(digest: Any, out: tuple[Writes, list[Any]]) -> None:
    digest.update(repr(out).encode())


_STAGES: Mapping[str, Iterable[Callable[..., Any]]] = {
    "decode": (decode.decode_records,),
    "decide": (heart.decide,),
    "fold": (fold.fold_order, fold.fold_reversal, fold.fold_interaction, fold.is_duplicate),
    "settle": (transitions.assign, evaluate.facts),
    "next moves": (due.next_moves,),
    "night": (daily_step.advance, timers.run_daily_steps),
    "moves": (transitions.apply_cluster_move,),
    "panel": (panel.report,),
    "state": (encode.store, snapshot.dump, Memory.dump),
    "document": (document.document,),
    "encode": (encode.writes, encode.update, ledger.dump),
    "append": (_append,),
    "pack": (write_arguments, _pack),
}


if __name__ == "__main__":
    main()
