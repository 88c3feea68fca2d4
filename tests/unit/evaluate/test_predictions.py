"""Test predictions on simulated shops: overall, and separately for customers with a rhythm."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from streamer.cli import build
from streamer.evaluate.order_shops import order_shop
from streamer.evaluate.predictions import evaluate


def test_in_a_shop_of_subscribers_who_is_on_time_comes_and_who_is_late_does_not() -> None:
    activity, _ = order_shop("weekly", 7)
    found = {one.method: one for one in evaluate(activity, [275], lambda text: None, by_rhythm=True)}
    whole, on_time, late = (
        found[name] for name in ("weekly hazard", "weekly hazard, who is on time", "weekly hazard, who is late")
    )
    assert on_time.customers + late.customers <= whole.customers and late.customers > 20
    assert on_time.came > 0.95 and on_time.said == pytest.approx(on_time.came, abs=0.05)
    # What docs/predictions.md does not promise: too many of the late are expected back.
    assert late.came < 0.1 and late.came < late.said < 0.5
    assert whole.judgement.ratio == pytest.approx(whole.said / whole.came)


def test_the_command_judges_shops_without_a_file() -> None:
    done = CliRunner().invoke(build(), ["evaluate", "predictions", "--scenario", "weekly", "--seeds", "7"])
    assert done.exit_code == 0, done.output
    assert "weekly, 500 customers, seeds 7" in done.stdout and "who is late" in done.stdout
    wrong = CliRunner().invoke(build(), ["evaluate", "predictions", "--scenario", "none"])
    assert wrong.exit_code == 1 and "none is not a simulated shop" in wrong.output
