"""Test the display of learned predictions, from what an owner really stored and published."""

from __future__ import annotations

import asyncio
import random
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import msgspec
import pytest
from behaviour_world import World
from owner_rig import OwnerRig

from models.behaviour.panel import PanelRow, encode
from models.customer.customer import Customer
from models.customer.orders import Order
from models.features.time import DAY_MS, DayGrid
from models.learning.learner import LearnerConfig
from models.prediction.model import first_version
from models.prediction.order_record import record_of
from schemas import topics
from schemas.errors import UserError
from streamer.commands import common, learn
from streamer.config.settings import Settings
from streamer.core.ledger import Ledger, ModelEntry
from streamer.lanes.ports import Write
from streamer.owner.model_reader import Published
from streamer.queries import learned, models

GRID = DayGrid()
CUSTOMERS, DAYS = 60, 70


@pytest.fixture(scope="module")
def rig() -> OwnerRig:
    """Ten weeks of 60 customers who order every fourth day, far more often than the shipped version predicts."""

    async def go() -> OwnerRig:
        world, chance = World(customers=CUSTOMERS), random.Random(1)
        rig = OwnerRig(world, LearnerConfig())
        customers = [Customer(f"c{i}", (0, i), 0) for i in range(CUSTOMERS)]
        world.run(1, learn=False)
        for day in range(world.day, world.day + DAYS):
            for i, customer in enumerate(customers):
                if chance.random() < 0.25:
                    order = Order(day * DAY_MS, f"{day}-{i}".encode(), 2_000, 1, 0, ())
                    customer.post(customer.book.add(order), 25.0 * DAY_MS)
                    record = record_of(customer, GRID)
                    assert record is not None
                    blob = world.memory.dump(int(world.rows[i]))
                    value = encode(PanelRow(customer.id, day, blob, msgspec.Raw(record.packed)))
                    rig.broker.append(topics.PANEL, 0, Write(customer.id.encode(), value, ()))
        await rig.run()
        return rig

    return asyncio.run(go())


@pytest.fixture
def shown(rig: OwnerRig, monkeypatch: pytest.MonkeyPatch) -> Published:
    """Let the commands read what the owner wrote; return what it published."""
    published = Published()
    published.take(rig.broker.records(topics.MODELS))
    newest = published.predictions[max(published.predictions)].model
    ledgers = [Ledger.fresh(0), Ledger.fresh(1)]
    ledgers[1].clock = GRID.instant(rig.world.day + DAYS)
    today = GRID.day_of(ledgers[1].clock)
    ledgers[1].predictions = [ModelEntry(newest.version, today - 1, {})]
    ledgers[0].predictions = [ModelEntry(newest.version, 5, {})]
    view = SimpleNamespace(ledgers=lambda: ledgers, predictions=lambda lane: {newest.version: newest})
    to = SimpleNamespace(view=view, policy=SimpleNamespace(grid=GRID))
    monkeypatch.setattr(common, "settings", lambda: Settings())
    monkeypatch.setattr(learn, "connections", lambda settings: nullcontext(to))
    monkeypatch.setattr(learned, "read_predictor", lambda to: learned.kept_predictor(rig.broker.records(topics.PANEL)))
    monkeypatch.setattr(models, "read_published", lambda to: published)
    return published


def test_status_says_by_which_version_each_lane_goes(
    shown: Published, rig: OwnerRig, capsys: pytest.CaptureFixture[str]
) -> None:
    newest = max(shown.predictions)
    learn.status(json=True)
    answer = msgspec.json.decode(capsys.readouterr().out)
    since = learned.day_text(rig.world.day + DAYS - 1)
    assert answer["version"] == newest
    assert answer["lanes"] == [
        {
            "lane": 0,
            "version": 0,
            "form": "hazard",
            "since": None,
            "to_come": [{"version": newest, "from": "1970-01-06"}],
        },
        {"lane": 1, "version": newest, "form": "hazard", "since": since, "to_come": []},
    ]
    assert answer["fallback"] is None and answer["drift"] is None
    answers = learned.read_predictor(None).weeks  # type: ignore[arg-type]
    assert answer["progress"]["answers"] == sum(week.customers for week in answers)
    assert 0 < answer["progress"]["log_loss"] < 1
    assert answer["weeks"] >= 7 and answer["latest"]["customers"] == CUSTOMERS
    learn.status()
    out = capsys.readouterr().out
    assert f"lane 0: version 0, built in; version {newest} from 1970-01-06 on" in out
    assert f"lane 1: version {newest}, in force since {since}" in out and "log loss" in out


def test_history_says_how_well_each_week_was_foreseen(shown: Published, capsys: pytest.CaptureFixture[str]) -> None:
    learn.history(json=True)
    weeks = msgspec.json.decode(capsys.readouterr().out)
    assert len(weeks) >= 7 and weeks == sorted(weeks, key=lambda week: str(week["asked_on"]))
    for week in weeks:
        assert week["base_rate"] == pytest.approx(week["ordered"] / week["customers"], abs=1e-4)
        assert week["calibration"] == pytest.approx(week["expected"] / week["ordered"], abs=0.01)
    # They order in 87 of 100 weeks, and the shipped version does not know that.
    assert weeks[0]["calibration"] < 0.8 < weeks[-1]["calibration"] < 1.2
    learn.history()
    assert weeks[-1]["asked_on"] in capsys.readouterr().out
    kept = learned.read_predictor(None)  # type: ignore[arg-type]
    kept.weeks[-2] = replace(kept.weeks[-2], drifted=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learned, "read_predictor", lambda to: kept)
        learn.history()
        told = capsys.readouterr().out
        learn.status()
    assert f"in the week of {weeks[-2]['asked_on']}, River's PageHinkley" in " ".join(told.split())
    assert "calibration changed" in capsys.readouterr().out


def test_a_version_is_shown_with_its_weights(shown: Published, capsys: pytest.CaptureFixture[str]) -> None:
    newest = max(shown.predictions)
    learn.show(str(newest), json=True)
    answer = msgspec.json.decode(capsys.readouterr().out)
    weights = shown.predictions[newest].model.to_dict()["weights"]
    assert answer["weights"] == weights and answer["published_at"] == shown.predictions[newest].published_at
    learn.show("0")
    out = capsys.readouterr().out
    assert "version 0, form hazard, built in" in out
    assert all(name in out for name in first_version().to_dict()["weights"])
    for wrong in ("99", "p1", "²"):
        with pytest.raises(UserError, match=f"no such prediction version: {wrong}"):
            learn.show(wrong)


def test_a_version_of_an_approved_challenger_is_shown_with_its_products(
    shown: Published, capsys: pytest.CaptureFixture[str]
) -> None:
    newest = max(shown.predictions)
    found = shown.predictions[newest]
    approved = replace(found.model, products=((("age", "once"), 0.25),))
    shown.predictions[newest] = replace(found, model=approved)
    learn.show(str(newest), json=True)
    assert msgspec.json.decode(capsys.readouterr().out)["products"] == [["age", "once", 0.25]]
    learn.show(str(newest))
    out = capsys.readouterr().out
    assert "age x once" in out and "+0.250" in out


def test_where_no_week_was_answered_it_says_so(capsys: pytest.CaptureFixture[str], shown: Published) -> None:
    assert learned.kept_predictor([]).weeks == []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learned, "read_predictor", lambda to: learned.kept_predictor([]))
        learn.history()
    assert "no week has been scored yet" in capsys.readouterr().out
