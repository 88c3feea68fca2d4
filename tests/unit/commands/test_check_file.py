"""Test what `import` does before it imports. None of this reaches a server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Run

ORDERS = "Bestellnr;Kundennr;Bestelldatum;Summe\n1;k1;05.01.2024;10,50\n2;k2;06.01.2024;1.004,50\n3;;06.01.2024;2,00\n"


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    path = tmp_path / "orders.csv"
    path.write_bytes(ORDERS.encode("cp1252"))
    return path


def test_a_check_shows_a_proposal_and_its_totals_and_imports_nothing(run: Run, orders: Path, tmp_path: Path) -> None:
    ran = run("import", "orders.csv", "--check")
    assert ran.exit_code == 0, ran.stderr
    assert "occurred_at: Bestelldatum" in ran.stderr and "by ;" in ran.stderr
    assert "rows: 3 (used 2; rows without a customer 1)" in ran.stdout
    assert "The two agree, line by line: 1,015.00 EUR net, 2 customers." in ran.stdout
    assert not (tmp_path / "home").exists()


def test_as_json_money_is_in_minor_units(run: Run, orders: Path) -> None:
    ran = run("import", "orders.csv", "--check", "--json")
    found = json.loads(ran.stdout.splitlines()[-1])
    assert found["agrees"] and found["applied"]["order_money"] == 101_500 == found["months"]["2024-01"]["orders"]
    assert found["left_out_by_reason"]["no_customer"]["order_money"] == 200


def test_without_a_terminal_a_proposal_is_shown_and_not_imported(run: Run, orders: Path, tmp_path: Path) -> None:
    ran = run("import", "orders.csv")
    assert ran.exit_code == 1
    assert 'total = "Summe"' in ran.stderr and "streamer import orders.csv --yes" in ran.stderr
    assert "1,015.00 EUR net" in ran.stdout and not (tmp_path / "home").exists()


def test_the_mapping_is_saved_and_reads_the_file(run: Run, orders: Path, tmp_path: Path) -> None:
    assert run("import", "orders.csv", "--check", "--save-mapping", "mine.toml").exit_code == 0
    ran = run("import", "orders.csv", "--check", "--mapping", "mine.toml", "--json")
    assert json.loads(ran.stdout.splitlines()[-1])["applied"]["orders"] == 2
    again = run("import", "orders.csv", "--check", "--save-mapping", "mine.toml")
    assert again.exit_code == 1 and "cannot write mine.toml" in again.stderr


def test_a_page_is_written_in_the_language_of_the_service(run: Run, orders: Path, tmp_path: Path) -> None:
    ran = run("import", "orders.csv", "--check", "--html", "check.html", env={"STREAMER_LANGUAGE": "zh"})
    assert ran.exit_code == 0, ran.stderr
    page = (tmp_path / "check.html").read_text()
    assert 'lang="zh"' in page and "1,015.00" in page and "streamer import orders.csv" in page
    assert run("import", "orders.csv", "--check", "--html", "no/such/folder.html").exit_code == 1


def test_a_check_that_would_apply_nothing_fails(run: Run, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("customer,date,total\na,2024-01-05,5 CHF\n")
    ran = run("import", "orders.csv", "--check")
    assert ran.exit_code == 1
    assert "1 amount in CHF, for which the shop has no rate: set `STREAMER_RATES=CHF=...`" in ran.stdout


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        ("nowhere.csv", None, "nowhere.csv does not exist"),
        ("orders.csv", "a,b\n1,2\n", "which column holds customer_id and occurred_at"),
    ],
)
def test_what_no_proposal_fits_is_reported(
    run: Run, tmp_path: Path, file: str, content: str | None, problem: str
) -> None:
    if content is not None:
        (tmp_path / file).write_text(content)
    ran = run("import", file, "--check")
    assert ran.exit_code == 1 and problem in ran.stderr.replace("\n", " ")


def test_a_replay_reads_by_the_proposal_and_asks_nothing(run: Run, orders: Path) -> None:
    ran = run("replay", "orders.csv", "--json")
    assert ran.exit_code == 0, ran.stderr
    assert json.loads(ran.stdout.splitlines()[-1])["revenue_minor"] == 101_500
