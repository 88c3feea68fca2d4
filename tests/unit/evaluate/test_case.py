"""Test the e-commerce case: as a whole on a small simulated file, and its figures on the real data set."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from retail import retail
from rich.console import Console
from typer.testing import CliRunner

from models.prediction.judge import auc
from models.prediction.model import HORIZON
from streamer.cli import build
from streamer.config.settings import Settings
from streamer.evaluate import files
from streamer.evaluate.activity import Activity, of_shop
from streamer.evaluate.case import campaign, cleaning, methods, report, study
from streamer.evaluate.case.questions import FEATURES, asked, question_of
from streamer.simulator.config import ShopConfig
from streamer.simulator.simulate import Shop
from streamer.sources.online_retail import OnlineRetail

DAY = 274


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a year's orders of a small shop."""
    path = tmp_path_factory.mktemp("case") / "orders.csv"
    lines = ["order_id,customer_id,date,total"]
    for event in Shop(ShopConfig(customers=150)).events():
        body = json.loads(event.value)
        if body["type"] == "order.completed":
            lines.append(f"{body['order_id']},{body['customer_id']},{body['occurred_at']},{body['total']:.2f}")
    path.write_text("\n".join([*lines, "x,,2024-01-01,5.00"]))
    return path


def test_the_case_of_a_file_is_printed_written_and_the_same_again(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(methods, "_TREES", 20)
    monkeypatch.setattr(study, "_DRAWS", 50)
    monkeypatch.setattr(campaign, "_CAMPAIGNS", 50)
    once = CliRunner().invoke(build(), ["evaluate", "case", "--data", str(table), "--json", "--html", "case.html"])
    assert once.exit_code == 0, once.stderr
    found = json.loads(once.stdout.splitlines()[-1])
    rows = {row["method"]: row for row in found["rows"]}
    assert 100 < found["customers"] <= 150 and found["budget"] == round(found["customers"] / 5)
    assert ["rows refused: no customer", 1] in found["cleaned"]
    assert set(rows) >= {methods.FOREST, methods.CLUSTERS_AND_FOREST, methods.SPEND, "stacking", "SVM, RBF"}
    # Heavy buyers keep buying in any case, and the budget is spent on them.
    for method in (methods.SPEND, methods.FOREST, methods.REGRESSION):
        assert rows[method]["auc"] > 0.65 and rows[method]["reached"] > 1.3 * rows["at random"]["reached"]
    chosen, everybody = found["chosen"], found["everybody"]
    assert chosen["spend"] == pytest.approx(rows[methods.FOREST]["reached"] * everybody["spend"])
    assert sum(one["customers"] for one in found["clusters"]) == found["customers"]
    page = (tmp_path / "case.html").read_text()
    assert page.count("<figure") == 3 and "random forest" in page and "<script" not in page


def test_the_case_in_words_says_what_helps_and_what_is_assumed() -> None:
    sums = iter(range(1, 100))

    def row(method: str, auc: float, chance: bool) -> study.Row:
        return study.Row(method, auc, 0.1 if chance else None, 0.05 if chance else None, 0.5, 0.4, 0.44, 0.6)

    def case(low: float, model: float) -> study.Case:
        difference = study.Difference("random forest", "spend so far", 0.01, low, 0.02)
        again = [row("number of orders", 0.72, False), row("logistic regression", model, True)]
        money = campaign.Reach(10, 1_000.0, (0.01, 0.02, 0.03), 5.0, 0.5)
        return study.Case(
            20_000, 50, 300, 99.0, 0.2, 10, [("rows", next(sums))], [row("random forest", 0.8, True)], again,
            [difference], [study.Cluster(50, 0.2, 10.0)], [(0.1, 0.2)], [("spend", 0.1)], money, money,
            [campaign.Proof(0.1, 1.0, 0.3)], campaign.Planted(0.9, 0.01, 0.011, 0.07),
        )  # fmt: skip

    as_good, ahead = report.verdict(case(-0.01, 0.722)), report.verdict(case(0.001, 0.75))
    assert "does as well" in as_good[0] and "does as well" not in ahead[0] and "ahead" in ahead[0]
    assert "There a model helps" in ahead[1] and "helps" not in as_good[1]
    console = Console(record=True, width=100)
    report.show(case(-0.01, 0.75), "2024-10-04", "EUR", console)
    text = console.export_text()
    assert "does as well" in text and "Assumed: a margin of 30%" in text and "0.800" in text


def test_without_scikit_learn_one_sentence_says_how_to_install_it(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    done = CliRunner().invoke(build(), ["evaluate", "case", "--data", str(table)])
    assert done.exit_code == 1
    words = "error: scikit-learn is not installed run `pip install scikit-learn`"
    assert " ".join(done.output.split()) == words


def test_a_file_that_is_too_short_is_refused_in_words(table: Path) -> None:
    done = CliRunner().invoke(build(), ["evaluate", "case", "--data", str(table), "--as-of", "2024-03-01"])
    assert done.exit_code == 1 and "258 days of data" in done.output


def _until(activity: Activity, day: int) -> Activity:
    """Return the activity with three times the money from a day on."""
    buckets = activity.buckets.copy()
    buckets[activity.day >= day, 1] *= 3.0
    return Activity(
        activity.customers,
        activity.first_day,
        activity.days,
        activity.day,
        activity.customer,
        buckets,
        activity.events,
        activity.met,
    )


def test_features_know_nothing_of_the_day_and_later() -> None:
    activity = of_shop(ShopConfig(customers=250, seed=3))
    one, other = (question_of(each, DAY, 100.0) for each in (activity, _until(activity, DAY)))
    assert np.array_equal(one.x, other.x) and np.array_equal(one.customers, other.customers)
    assert other.spend.sum() == pytest.approx(3 * one.spend.sum()) and one.spend.sum() > 0
    questions = asked(activity, DAY, 100.0)
    assert all(earlier.day + HORIZON <= DAY for earlier in questions.earlier)
    changed = asked(_until(activity, DAY), DAY, 100.0)
    assert changed.border == questions.border
    assert all(np.array_equal(a.spend, b.spend) for a, b in zip(questions.earlier, changed.earlier, strict=True))


def test_money_and_proof_by_hand() -> None:
    spend = np.array([100.0, 300.0, -50.0, 600.0])
    found = campaign.reach(spend)
    assert (found.customers, found.spend) == (4, 1_000.0)
    assert found.pays_from == pytest.approx((4 * 0.05 / 300, 4 * 0.5 / 300, 4 * 2 / 300))
    assert found.net == pytest.approx(0.02 * 300 - 8) and found.roi == pytest.approx(-2 / 8)
    # If earlier spend predicts all of it, adjusting leaves nothing to detect.
    before = np.random.default_rng(1).gamma(1.0, 100.0, 400)
    tenth, half = campaign.proofs(2.0 * before, before)
    assert tenth.least_adjusted == pytest.approx(0, abs=1e-6) and half.least < tenth.least
    # If all of them return anyway, nobody can be won. If none does, one in ten is nearly always detected.
    assert campaign.planted(np.ones(300)).significant == 0
    assert campaign.planted(np.zeros(300)).significant > 0.9


def test_the_figures_of_online_retail() -> None:
    path = retail("online_retail.csv.gz")
    source = OnlineRetail(path)
    activity = files.of_source(source, Settings(currency="GBP", timezone="Europe/London").policy(lanes=1))
    facts = dict(cleaning.facts(source, activity))
    assert (facts["rows"], facts["rows refused: no customer"], facts["customers"]) == (541_909, 135_080, 4_372)
    assert (facts["rows without description"], facts["rows of cancellations"]) == (1_454, 9_288)
    assert (facts["cancelling invoices"], facts["customers with cancellations only"]) == (3_836, 33)
    assert facts["rows with a negative quantity"] == 10_624
    assert facts["rows with a negative quantity that are no cancellation"] == 1_336
    assert (facts["rows with a price of nought"], facts["rows with a negative price"]) == (2_515, 2)
    assert (facts["rows repeated exactly"], facts["units in the largest row"]) == (5_268, 80_995)
    questions = asked(activity, 283, 100.0)
    now, high = questions.judged, questions.high(questions.judged)
    assert (len(now.customers), sum(len(one.customers) for one in questions.earlier)) == (3_370, 12_362)
    assert questions.border == pytest.approx(613.03) and high.mean() == pytest.approx(0.273, abs=5e-4)
    by_column = {one.method: auc(one.score, high) for one in methods.columns(questions)}
    assert list(by_column.values()) == pytest.approx([0.706, 0.773, 0.833, 0.832], abs=1e-3)
    train = methods.rows_of(questions.earlier, questions.high)
    chances = methods.forest(n_estimators=100).fit(train.x, train.y).predict_proba(now.x)[:, 1]
    # The forest is as good as one column, and no better.
    assert auc(chances, high) == pytest.approx(0.826, abs=0.01) and auc(chances, high) < by_column[methods.SPEND]
    top = np.argsort(-chances, kind="stable")[:674]
    chosen, everybody = campaign.reach(now.spend[top]), campaign.reach(now.spend)
    assert chosen.spend / everybody.spend == pytest.approx(0.67, abs=0.01)
    assert everybody.net == pytest.approx(8_716, abs=1)
    assert len(FEATURES) == now.x.shape[1] == 14
