"""Test control records one by one: what each puts in force in a lane, since when, and what each rejects."""

from __future__ import annotations

import pytest
from heart_definitions import OTHER_BORDERS
from heart_logs import DAY, T0, Driver, LogMaker, view
from heart_models import jumpy

from models.features.time import DayGrid
from schemas.control import Control, ControlClock, ControlDefinitions, ControlImport, ControlModel, import_source
from schemas.errors import InvalidEvent
from schemas.records import Record
from schemas.signing import Seal
from streamer.core import controls
from streamer.core.context import Context
from streamer.core.policy import Policy

GRID = DayGrid()


@pytest.fixture
def context() -> Context:
    """Return a lane whose clock is at noon of the day that begins at ``T0``, with one customer."""
    log = LogMaker(now=T0)
    log.event(view("v", "ann", T0), now=T0 + DAY // 2)
    driver = Driver(Policy())
    driver.feed(log.records)
    return Context(driver.state, driver.policy)


def take(context: Context, control: Control, at: int = T0 + DAY) -> None:
    controls.take(context, control, Record(0, 1, at, None, b""))


def opened(id: str) -> ControlImport:
    return ControlImport(import_id=id, state="opened", source_hash="h")


def closed(id: str) -> ControlImport:
    return ControlImport(import_id=id, state="closed", source_hash="h")


def a_model(version: int) -> ControlModel:
    return ControlModel(segmentation="behaviour", version=version, body=jumpy(version).to_dict())


def reasons_why_not(context: Context, control: Control, at: int = T0 + DAY) -> str | None:
    with pytest.raises(InvalidEvent) as refused:
        take(context, control, at)
    assert refused.value.reason == "bad_control"
    return refused.value.field


def test_an_import_has_a_clock_of_its_own_that_never_goes_back(context: Context) -> None:
    before = context.ledger.clock
    take(context, opened("i"))
    for at in (T0 - 9 * DAY, T0 - 5 * DAY, T0 - 7 * DAY):
        take(context, ControlClock(import_id="i", at=at))
        assert context.ledger.clock == before
    assert context.ledger.clock_of("i") == T0 - 5 * DAY
    # A resuming import opens it again, and it keeps its state.
    take(context, opened("i"))
    assert context.ledger.clock_of("i") == T0 - 5 * DAY


def test_the_clock_of_a_closed_import_moves_the_lanes_clock_and_never_back(context: Context) -> None:
    before = context.ledger.clock
    for id, at in (("old", T0 - 9 * DAY), ("new", T0 + DAY)):
        take(context, opened(id))
        take(context, ControlClock(import_id=id, at=at))
        take(context, closed(id))
        assert context.ledger.clock == max(before, at)
    assert context.ledger.imports == {} and context.ledger.closed == ["old", "new"]


def test_a_closed_import_is_not_opened_again(context: Context) -> None:
    take(context, opened("i"))
    take(context, closed("i"))
    assert reasons_why_not(context, opened("i")) == "import_id"
    # Nothing to close, and nothing to move: another lane handles it.
    take(context, closed("unknown"))
    take(context, ControlClock(import_id="unknown", at=T0))
    assert context.ledger.imports == {} and context.ledger.closed == ["i"]


def test_a_clock_after_its_own_append_time_is_refused(context: Context) -> None:
    take(context, opened("i"))
    take(context, ControlClock(import_id="i", at=T0), at=T0)
    assert reasons_why_not(context, ControlClock(import_id="i", at=T0 + 1), at=T0) == "at"


def test_not_more_imports_than_a_ledger_can_hold(context: Context) -> None:
    for number in range(controls.MAX_OPEN_IMPORTS):
        take(context, opened(f"i{number}"))
    assert reasons_why_not(context, opened("one more")) == "import_id"
    take(context, opened("i7"))
    take(context, closed("i7"))
    take(context, opened("one more"))
    assert len(context.ledger.imports) == controls.MAX_OPEN_IMPORTS


def test_a_model_is_in_force_from_the_first_grid_point_that_no_clock_has_passed(context: Context) -> None:
    take(context, opened("i"))
    take(context, ControlClock(import_id="i", at=T0 - 30 * DAY + 1))
    take(context, a_model(1))
    [entry] = context.ledger.timeline
    assert (entry.version, entry.day) == (1, GRID.day_of(T0) + 1)
    assert entry.import_days == {"i": GRID.day_of(T0 - 30 * DAY) + 1}
    assert context.state.models.keys() == context.decision.models.keys() == {1}
    # For an import that is opened later, it was always there.
    take(context, opened("later"))
    assert context.ledger.timeline[0].import_days["later"] == 0


def test_an_older_or_repeated_model_changes_nothing(context: Context) -> None:
    take(context, a_model(2))
    for version in (2, 1):
        take(context, a_model(version))
    assert [entry.version for entry in context.ledger.timeline] == [2]


@pytest.mark.parametrize(
    ("control", "field"),
    [
        (ControlModel(segmentation="value", version=1, body=jumpy(1).to_dict()), "segmentation"),
        (ControlModel(segmentation="behaviour", version=1, body={}), "body"),
        (ControlModel(segmentation="behaviour", version=2, body=jumpy(1).to_dict()), "version"),
        (a_model(controls.MAX_VERSION_STEP + 1), "version"),
        (ControlDefinitions(version=2, body={"toml": "[no"}), "body"),
        (ControlDefinitions(version=2, body={}), "body"),
        (ControlDefinitions(version=controls.MAX_VERSION_STEP + 2, body={"toml": OTHER_BORDERS}), "version"),
    ],
)
def test_what_is_refused_leaves_no_trace(context: Context, control: Control, field: str) -> None:
    definitions = context.definitions
    assert reasons_why_not(context, control) == field
    assert context.ledger.timeline == [] and context.ledger.definitions_versions == []
    assert context.decision.models == {} and context.decision.definitions == {}
    assert context.definitions is definitions


def test_definitions_are_in_force_at_once_and_everybody_is_behind_them(context: Context) -> None:
    take(context, opened("i"))
    take(context, ControlClock(import_id="i", at=T0 - 3 * DAY))
    take(context, ControlDefinitions(version=5, body={"toml": OTHER_BORDERS}))
    [edit] = context.ledger.definitions_versions
    assert (edit.version, edit.at, edit.imports) == (5, context.ledger.clock, {"i": T0 - 3 * DAY})
    assert (edit.at_for(None), edit.at_for("i"), edit.at_for("opened later")) == (edit.at, T0 - 3 * DAY, edit.at)
    assert context.definitions.version == 5 and context.ledger.behind == context.ledger.customers == 1
    assert context.decision.definitions == {5: OTHER_BORDERS}
    take(context, ControlDefinitions(version=4, body={"toml": OTHER_BORDERS}))
    assert [one.version for one in context.ledger.definitions_versions] == [5]


def sealed(source: str, number: int, at: int = T0 + DAY) -> tuple[Record, Seal]:
    return Record(0, 1, at, None, b""), Seal(source, number)


def test_unsigned_records_are_taken_until_a_day_after_the_update(context: Context) -> None:
    ledger = context.ledger
    controls.check_seal(ledger, Record(0, 1, T0 + 9 * DAY, None, b""), None)
    ledger.signed_from = T0 + DAY
    controls.check_seal(ledger, Record(0, 1, T0 + DAY - 1, None, b""), None)
    with pytest.raises(InvalidEvent, match="not signed"):
        controls.check_seal(ledger, Record(0, 1, T0 + DAY, None, b""), None)


def test_a_signed_record_is_taken_once_and_never_after_a_later_one(context: Context) -> None:
    ledger = context.ledger
    for number in (0, 5, 6):
        controls.check_seal(ledger, *sealed("lane-1", number))
        for before in range(number + 1):
            with pytest.raises(InvalidEvent, match="this signed record was already applied"):
                controls.check_seal(ledger, *sealed("lane-1", before))
    controls.check_seal(ledger, *sealed("lane-2", 3))
    assert ledger.numbers == {"lane-1": 6, "lane-2": 3}


def test_no_import_is_opened_again_by_a_copy_however_many_came_since(context: Context) -> None:
    ledger = context.ledger
    for number in range(300):
        id = f"i{number}"
        for control in (opened(id), closed(id)):
            controls.check_seal(ledger, *sealed(import_source(id), 10 * number + (control.state == "closed")))
            take(context, control)
    assert len(ledger.closed) == 256 == len(ledger.numbers) - 1, "the ledger stays small"
    for number in (0, 43, 44, 299):
        with pytest.raises(InvalidEvent):
            controls.check_seal(ledger, *sealed(import_source(f"i{number}"), 10 * number))
            take(context, opened(f"i{number}"))
    controls.check_seal(ledger, *sealed(import_source("next"), 3_000))
    take(context, opened("next"))
