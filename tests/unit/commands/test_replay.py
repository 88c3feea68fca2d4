from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Run

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
SALE = "536365,85123A,HEART,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "retail.csv"
    path.write_text(HEADER + SALE + SALE.replace("17850.0", ""))
    return path


def test_the_last_line_is_the_result_as_json(run: Run, file: Path, tmp_path: Path) -> None:
    changes, members = tmp_path / "changes", tmp_path / "members"
    ran = run(
        *("replay", str(file), "--format", "online-retail", "--json"),
        *("--changes", str(changes), "--memberships", str(members)),
    )
    answer = json.loads(ran.stdout.splitlines()[-1])
    assert (answer["rows"], answer["skipped"], answer["orders"], answer["revenue_minor"]) == (
        2,
        {"no_customer": 1},
        1,
        1_530,
    )
    assert [json.loads(line)["customer_id"] for line in changes.read_text().splitlines()] == ["17850", "17850"]
    assert json.loads(members.read_text()) == {
        "customer_id": "17850",
        "segments": {"lifecycle": "new", "value": "low"},
    }


def test_without_json_the_result_is_printed_in_words(run: Run, file: Path) -> None:
    ran = run("replay", str(file), "--format", "online-retail")
    assert "1 customer, 1 order" in ran.stdout
    assert "15.30 GBP net" in ran.stdout
    assert "STREAMER_CURRENCY=GBP" in ran.stderr


def test_another_file_of_segmentations_decides(run: Run, file: Path, tmp_path: Path) -> None:
    members, mine = tmp_path / "members", tmp_path / "mine.toml"
    mine.write_text("""
[size]
kind = "bands"
feature = "items"
bands = [{ segment = "few" }, { segment = "many", from = 6 }]
[size.segments]
few = {}
many = {}
""")
    ran = run(
        "replay", str(file), "--format", "online-retail", "--definitions", str(mine), "--memberships", str(members)
    )
    assert ran.exit_code == 0, ran.stderr
    assert json.loads(members.read_text())["segments"] == {"size": "many"}
    mine.write_text(mine.read_text().replace("items", "itmes"))
    ran = run("replay", str(file), "--format", "online-retail", "--definitions", str(mine))
    assert ran.exit_code == 1 and "mine.toml, line 4: size has bands of 'itmes'" in ran.stderr
    assert "did you mean items?" in ran.stderr


def test_the_shops_own_currency_needs_a_rate_for_the_files(run: Run, file: Path) -> None:
    ran = run("replay", str(file), "--format", "online-retail", env={"STREAMER_CURRENCY": "EUR"})
    assert ran.exit_code == 1
    assert "STREAMER_RATES=GBP" in ran.stderr
    rated = {"STREAMER_CURRENCY": "EUR", "STREAMER_RATES": "GBP=1.20"}
    ran = run("replay", str(file), "--format", "online-retail", "--json", env=rated)
    assert json.loads(ran.stdout.splitlines()[-1])["revenue_minor"] == 1_836


@pytest.mark.parametrize("until", ["2012-06-01", "2012-06-01T12:00:00Z", "2031-01-01"])
def test_until_takes_a_day_or_an_instant(run: Run, file: Path, until: str) -> None:
    ran = run("replay", str(file), "--format", "online-retail", "--json", "--until", until)
    assert json.loads(ran.stdout.splitlines()[-1])["segments"]["lifecycle"] == {"lost": 1}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["replay", "nowhere.csv", "--format", "online-retail"], "does not exist"),
        (["replay", "FILE", "--format", "online-retail", "--until", "soon"], "--until soon is not a date or time"),
        (["replay", "FILE", "--format", "online-retail", "--changes", "no/such/folder"], "cannot write"),
        (["shop", "--out", "x.jsonl"], "--out needs at least one day of history"),
        (["shop", "--rate", "0"], "neither history nor live events"),
    ],
)
def test_mistakes_are_reported_in_words(run: Run, file: Path, arguments: list[str], message: str) -> None:
    ran = run(*(str(file) if one == "FILE" else one for one in arguments))
    assert ran.exit_code == 1
    assert message in ran.stderr.replace("\n", " ")


def test_a_simulated_shop_goes_into_a_file_with_its_truth(run: Run, tmp_path: Path) -> None:
    out, truth = tmp_path / "shop.jsonl", tmp_path / "truth.jsonl"
    ran = run("shop", "--customers", "20", "--days", "30", "--out", str(out), "--truth", str(truth), "--ids", "me-")
    assert ran.exit_code == 0, ran.stderr
    assert len(truth.read_text().splitlines()) == 20
    answer = run("replay", str(out), "--format", "jsonl", "--json")
    result = json.loads(answer.stdout.splitlines()[-1])
    assert result["rows"] == len(out.read_text().splitlines()) == result["applied"]
    assert all(json.loads(line)["customer_id"].startswith("me-") for line in out.read_text().splitlines())


SHOPIFY = (
    "Name,Email,Financial Status,Paid at,Currency,Shipping,Taxes,Total,Discount Code,Discount Amount,Created at,"
    "Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Refunded Amount\n"
    "#1,ann@example.org,paid,,EUR,0,0,45.00,,0.00,2024-03-02 10:00:00 +0100,3,Lamp,15.00,L1,0.00\n"
    "#2,,paid,,EUR,0,0,5.00,,0.00,2024-03-02 10:00:00 +0100,1,Mug,5.00,M1,0.00\n"
)


def test_a_table_is_read_by_a_shipped_mapping_and_its_rejects_are_reported(run: Run, tmp_path: Path) -> None:
    (tmp_path / "orders_export.csv").write_text(SHOPIFY)
    ran = run("replay", "orders_export.csv", "--format", "csv", "--mapping", "shopify", "--json")
    answer = json.loads(ran.stdout.splitlines()[-1])
    assert (answer["rows"], answer["skipped"], answer["orders"], answer["revenue_minor"]) == (
        2,
        {"no_customer": 1},
        1,
        4_500,
    )
    assert "1 row was refused; see orders_export.csv.rejects.csv" in ran.stderr
    assert (tmp_path / "orders_export.csv.rejects.csv").read_text().splitlines()[1].startswith("3,no_customer,")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "csv", "--mapping", "magneto"], "no such mapping: magneto"),
        (["--format", "online-retail", "--mapping", "shopify"], "need --format csv"),
        (["--format", "csv", "--mapping", "woocommerce"], "has no column order_id"),
    ],
)
def test_a_table_without_a_mapping_that_fits_is_refused(
    run: Run, tmp_path: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "orders_export.csv").write_text(SHOPIFY)
    ran = run("replay", "orders_export.csv", *arguments)
    assert ran.exit_code == 1
    assert message in ran.stderr


def test_orders_of_guests_in_a_file_of_events_are_summed_apart(run: Run, tmp_path: Path) -> None:
    order = {"type": "order.completed", "total": 5, "currency": "EUR", "occurred_at": "2024-01-01T10:00:00Z"}
    who: list[dict[str, str]] = [{"customer_id": "a"}, {}, {"customer_id": "guest"}]
    lines = [json.dumps({**order, "event_id": f"{n}", "order_id": f"{n}", **one}) for n, one in enumerate(who)]
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join(lines) + "\n")
    ran = run("replay", str(file), "--json")
    answer = json.loads(ran.stdout.splitlines()[-1])
    assert answer["guests"] == {"orders": 2, "refunds": 0, "money": {"EUR": "10.00"}}
    assert (answer["orders"], answer["revenue_minor"], answer["dead_letters"]) == (1, 500, {"nobody": 2})
    words = "orders without a customer, not counted here: 2 orders, 0 refunds, 10.00 EUR net"
    assert words in run("replay", str(file)).stdout
