from __future__ import annotations

from heart_logs import DAY, T0, Driver, LogMaker, order, view

from models.behaviour.bucket import B_INTERACTIONS, B_ORDERS
from models.behaviour.memory import Memory
from models.behaviour.panel import PanelRow, in_panel
from streamer.core.decision import Decision
from streamer.core.policy import Policy


def today(row: PanelRow) -> tuple[float, float]:
    """Return orders and interactions of a row's open day."""
    memory = Memory()
    bucket = memory.buckets[memory.load(row.blob)]
    return bucket[B_ORDERS], bucket[B_INTERACTIONS]


def test_the_owner_hears_of_every_day_of_an_import_however_many_one_batch_holds() -> None:
    log = LogMaker()
    log.opened("i")
    for day in range(4):
        log.clock("i", T0 - (10 - day) * DAY)
        at = T0 - (10 - day) * DAY + 1_000
        log.event(view(f"v{day}", "ann", at), import_id="i")
        log.event(order(f"o{day}", "ann", at, 30.0) if day % 2 else view(f"w{day}", "ann", at), import_id="i")
    decision = Driver().feed(log.records)
    days = [row.day for row in decision.panel]
    assert days == list(range(days[0], days[0] + 4))
    assert [today(row) for row in decision.panel] == [(0.0, 2.0), (1.0, 1.0), (0.0, 2.0), (1.0, 1.0)]


def test_a_sparser_panel_forgets_rows_of_the_same_transaction() -> None:
    rows = [PanelRow(f"c{number}", 1, b"x") for number in range(200)]
    whole = Decision(panel=rows[:100])
    whole.absorb(Decision(panel=[row for row in rows[100:] if in_panel(row.customer, 2)], panel_shift=2))
    assert whole.panel_shift == 2
    assert [row.customer for row in whole.panel] == [row.customer for row in rows if in_panel(row.customer, 2)]


def test_the_panel_thins_out_while_a_batch_brings_new_customers() -> None:
    log = LogMaker()
    for number in range(64):
        log.event(view(f"e{number}", f"c{number}", T0))
    decision = Driver(Policy(panel_target=8)).feed(log.records)
    # A fifth more than 64 would be needed for one in eight: the owner, which counts, must not miss anybody.
    assert decision.panel_shift == 2
    assert [row.customer for row in decision.panel] == [f"c{n}" for n in range(64) if in_panel(f"c{n}", 2)]
