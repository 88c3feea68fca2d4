"""List everything that once stopped the service, with its tests on real servers (``make faults``).

pytest runs the tests in one go; a row is good if all of its tests pass. ``python -m fault_rows [WORD]...`` selects rows
with one of these words.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import pytest

_CODECS: Final = "tests/integration/test_codecs.py::test_"
_FILES: Final = "tests/integration/test_nobodys_files.py::test_"
_REDIS: Final = "tests/recovery/test_redis_trouble.py::test_"
_LANES: Final = "tests/integration/test_lanes.py::test_"
_TABLE: Final = "tests/integration/test_poison_table.py"
_BOMBS: Final = "tests/unit/rules/test_bombs.py"


@dataclass(frozen=True)
class Fault:
    """One row: a record or a fault, its required result, and the tests that show it."""

    what: str
    must: str
    tests: Sequence[str]


FAULTS: Final = (
    Fault("snappy, lz4, zstd, gzip of every client here", "applied", [f"{_CODECS}every_codec_of_every_client_is_applied"]),
    Fault("single records of the poison table (printed above)", "by row", [_TABLE]),
    Fault("50 MB of blanks in a compressed batch", "one dead letter oversize", [f"{_CODECS}a_bomb_is_one_dead_letter"]),
    Fault("a header name that is not UTF-8", "applied", [f"{_CODECS}a_header_name_that_is_not_utf8_costs_only_the_header"]),
    Fault("a batch that cannot be opened", "lane stops alone", [f"{_CODECS}a_batch_that_cannot_be_opened_stops_its_lane_alone"]),
    Fault("a record that raises whatever is done", "lane stops alone; skip", [
        f"{_LANES}a_lane_that_cannot_get_past_a_record_stops_alone_and_skip_gets_it_going"]),
    Fault("a record that ends the process", "lane stops at three", [
        f"{_LANES}a_process_that_dies_of_a_record_three_times_leaves_it_alone"]),
    Fault("a row of 1900 in a file that is imported", "bad_date, others applied", [
        "tests/integration/test_import.py::test_a_row_of_1900_costs_that_row_only"]),
    Fault("malformed records among good ones", "one dead letter each", ["tests/recovery/test_malformed.py"]),
    Fault("a folder with somebody's files as home", "refused, files stay", [
        f"{_FILES}a_folder_with_somebody_elses_files_is_refused", f"{_FILES}a_folder_of_a_project_may_be_the_home"]),
    Fault("damaged metadata of Kafka", "error with the fix, data stays", [
        f"{_FILES}damaged_metadata_is_an_error_and_the_data_stays",
        f"{_FILES}metadata_that_was_never_remembered_is_restored_or_moved_away"]),
    Fault("30 % of the parts keys deleted, and other parts", "noticed, restored", [
        "tests/integration/test_view_lost_in_part.py"]),
    Fault("allkeys-lru while running", "waited for, 0 lost", [f"{_REDIS}a_redis_that_begins_to_evict_loses_and_doubles_nothing"]),
    Fault("allkeys-lru at the start", "refused with the fix", [f"{_REDIS}a_redis_that_may_drop_customers_is_refused"]),
    Fault("Redis full 30 s, read-only, failing over", "waited for, reported once", [
        f"{_REDIS}lanes_wait_for_it_and_report_it_once"]),
    Fault("a worker that starts on a full Redis", "waits", [f"{_REDIS}a_worker_that_starts_on_a_full_redis_waits_too"]),
    Fault("control characters in texts of customers", "shown as escapes", [
        "tests/integration/test_hostile_texts.py"]),
    Fault("a worker's clock a year ahead", "no look at it, alert", ["tests/recovery/test_wrong_clock.py"]),
    Fault("servers half started, killed; damaged records of them", "found, ended, started again", [
        f"{_FILES}a_start_that_was_killed_leaves_nothing_behind", f"{_FILES}a_damaged_record_loses_no_server",
        f"{_FILES}servers_that_die_are_started_again"]),
    Fault("a damaged append-only file", "set aside, view rebuilt", [f"{_FILES}a_damaged_append_only_file_is_set_aside"]),
    Fault("an upstream transaction left open", "named with its producer", [
        f"{_LANES}an_upstream_transaction_that_hides_records_is_named"]),
    Fault("records deleted ahead of a lane", "lane stops alone; skip", ["tests/recovery/test_deleted_records.py"]),
    Fault("a stuck lane; a lane that waits for Redis", "started again; left alone", ["tests/recovery/test_stuck.py"]),
    Fault("a backlog on a machine on which all takes long", "short transactions, the same result", [
        "tests/recovery/test_slow_steps.py"]),
    Fault("a paused worker that wakes up", "one line, no harm", [
        "tests/recovery/test_handover.py::test_a_paused_worker_does_no_harm_when_it_wakes"]),
    Fault("control records unsigned, moved, counted before", "bad_control", ["tests/integration/test_control_key.py"]),
    Fault("TOML nested deep, or of 90,000 parts, in any file", "refused at once", [_BOMBS]),
)  # fmt: skip


@dataclass(eq=False)  # pytest keeps plugins in sets
class Outcomes:
    """A pytest plugin that records each test's outcome, duration in seconds, and recorded property ``seen``."""

    failed: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    passed: dict[str, float] = field(default_factory=dict)
    figures: dict[str, str] = field(default_factory=dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed[report.nodeid] = str(report.longrepr).strip().splitlines()[-1]
        elif report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.skipped[report.nodeid] = reason
        elif report.when == "call":
            self.passed[report.nodeid] = report.duration
            self.figures[report.nodeid] = "; ".join(
                str(value) for name, value in report.user_properties if name == "seen"
            )

    def of(self, tests: Iterable[str]) -> tuple[str, bool]:
        """Return what these tests observed, in words, and whether they passed."""

        def held(node: str) -> bool:
            return any(node == test or node.startswith((f"{test}[", f"{test}::")) for test in tests)

        failed = [f"{node.rpartition('::')[2]}: {why}" for node, why in self.failed.items() if held(node)]
        if failed:
            return f"FAILED {'; '.join(failed)}"[:200], False
        skipped = sorted({why for node, why in self.skipped.items() if held(node)})
        passed = [seconds for node, seconds in self.passed.items() if held(node)]
        text = f"as it must, {len(passed)} tests, {sum(passed):.0f} s" if passed else "NOT RUN"
        figures = [figure for node, figure in self.figures.items() if figure and held(node)]
        return "; ".join([text, *figures, *skipped]), bool(passed)


def main(words: Sequence[str]) -> int:
    """Run the rows and print the table. Returns exit status 1 if a row failed."""
    rows = [row for row in FAULTS if not words or any(word in f"{row.what} {row.tests}" for word in words)]
    os.environ["FAULTS"] = "1"
    seen = Outcomes()
    begun = time.monotonic()
    tests = dict.fromkeys(test for row in rows for test in row.tests)
    pytest.main(["-q", "-p", "no:cacheprovider", *tests], plugins=[seen])
    print(f"\n{len(rows)} rows, {time.monotonic() - begun:.0f} s\n{'record or fault':<56} {'must end as':<32} seen")
    right = True
    for row in rows:
        text, good = seen.of(row.tests)
        right &= good
        print(f"{row.what:<56} {row.must:<32} {text}")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
