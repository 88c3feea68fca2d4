"""Test that mutated exports end in events and rejections, never a traceback; every row and record is accounted for.

What a check counts by its independent method is what a replay applies, or the differing lines are named with amounts
that explain the difference to the penny.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from mutated_exports import mapping_of, mutated, seeds

from models.learning.learner import LearnerConfig
from schemas.errors import UserError
from streamer.core.policy import Policy
from streamer.imports.check import check
from streamer.replay.replay import Replay
from streamer.sources.mapped_file import MappedFile
from streamer.sources.mapping import load_mapping
from streamer.sources.rejects import RejectsPath

COUNT = int(os.environ.get("MUTATED_EXPORTS", "300"))
NOW = 1_735_689_600_000
POLICY = replace(Policy(), label_backfill=False)


def test_a_mutated_export_gives_events_or_refusals(tmp_path: Path) -> None:
    read = applied = unexplained = 0
    for path, seed in seeds(COUNT):
        file = tmp_path / "export.csv"
        file.write_bytes(mutated(path, seed))
        replay = Replay(POLICY, LearnerConfig(), NOW)
        try:
            source = MappedFile(
                file, load_mapping(mapping_of(path)), rejects=RejectsPath(file, tmp_path / "rejects.csv"), now_ms=NOW
            )
            replay.run(source)
        except UserError as error:
            assert error.message and error.hint, (path, seed)
            continue
        except Exception as error:
            raise AssertionError((str(path), seed)) from error
        ledger = replay.state.ledger
        assert ledger.unaccounted == 0, (path, seed)
        # What a reader makes is what a lane accepts; only a rate may be missing.
        assert set(ledger.dead_letters) <= {"unknown_currency"}, (path, seed, ledger.dead_letters)
        assert source.rows is not None and sum(source.skipped.values()) <= 2 * source.rows, (path, seed)
        read += 1
        applied += ledger.applied
        checked = check(MappedFile(file, load_mapping(mapping_of(path)), now_ms=NOW), POLICY, NOW)
        assert checked.applied.net == ledger.revenue_minor, (path, seed)
        named = sum(
            (1 if one.kind == "order" else -1) * ((one.counted or 0) - one.applied) for one in checked.differences
        )
        assert named == checked.counted.net - checked.applied.net, (path, seed, checked.differences)
        unexplained += not checked.agrees
    # Two readings of a damaged file may differ; those of an intact one never do (`test_check`).
    assert unexplained <= 0.02 * read
    # The others lost or doubled a column that the mapping needs.
    assert read > COUNT // 3 and applied > read
