"""Test ``import`` on a real Kafka and Valkey against ``replay`` of the same file."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psutil
import pytest
from field_cases import CASES
from import_commands import LANES, Commands, commands_on, simulated, wait
from kafka import KafkaProducer
from retail import retail

from schemas import topics
from schemas.control import ControlImport, control_headers, encode_control
from streamer.adapters.group import member_count
from streamer.embedded import Addresses
from streamer.simulator.config import ShopConfig
from streamer.simulator.simulate import Shop

pytestmark = pytest.mark.integration


@pytest.fixture
def commands(addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path) -> Commands:
    return commands_on(addresses, redis_url, prefix, tmp_path / "home")


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def moves(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return, by customer, what must be equal between an import and a replay of the same file."""
    found: dict[str, list[tuple[object, ...]]] = {}
    for change in lines(path):
        if change["segmentation"] in ("lifecycle", "value"):
            # An import labels all its own events backfill; a replay distinguishes event from late.
            cause = "backfill" if change["cause"] in ("event", "late") else change["cause"]
            before, after = ((change[end] or {}).get("id") for end in ("from", "to"))
            found.setdefault(change["customer_id"], []).append(
                (change["segmentation"], before, after, change["changed_at"], cause)
            )
    return found


def members(path: Path) -> dict[str, dict[str, str]]:
    return {one["customer_id"]: {name: one["segments"][name] for name in ("lifecycle", "value")} for one in lines(path)}


def accounted(result: Mapping[str, Any]) -> bool:
    known = result["applied"] + result["duplicates"] + result["rerouted"] + result["control"]
    return bool(result["records"] == known + sum(result["dead_letters"].values()))


def young(folder: Path, customers: int, days: int) -> Path:
    """Write a file of a shop too young for clusters, with everything that real streams have."""
    return simulated(folder, customers, days, late=0.02, duplicates=0.02, broken=0.003)


@pytest.mark.skipif("FAULTS" not in os.environ, reason="`make faults` runs it; `make cases` reads the same file")
def test_a_row_of_1900_costs_that_row_only(commands: Commands, tmp_path: Path) -> None:
    """The empty date of spreadsheets, for which an import once waited for ever."""
    file = tmp_path / "orders.csv"
    file.write_bytes((CASES / "poison-date" / "input.csv").read_bytes())
    result = commands.run("import", str(file), "--mapping", str(CASES / "poison-date" / "mapping.toml"))
    assert (result["applied"], result["skipped"]["bad_date"]) == (2, 1) and accounted(result)


@pytest.mark.parametrize("data", ["simulated", "december"])
def test_an_import_into_an_empty_service_equals_a_replay(commands: Commands, tmp_path: Path, data: str) -> None:
    if data == "december":
        file, format = retail("online_retail_2010-12.csv.gz"), "online-retail"
    else:
        file, format = young(tmp_path, customers=300, days=60), "jsonl"
    what = [str(file), "--format", format]

    def out(name: str) -> list[str]:
        return ["--changes", str(tmp_path / f"{name}-changes"), "--memberships", str(tmp_path / f"{name}-members")]

    replayed = commands.run("replay", *what, *out("replay"))
    imported = commands.run("import", *what, *out("import"))
    assert moves(tmp_path / "import-changes") == moves(tmp_path / "replay-changes")
    assert members(tmp_path / "import-members") == members(tmp_path / "replay-members")
    assert accounted(imported)
    assert accounted(replayed)
    alike = ("rows", "applied", "duplicates", "dead_letters", "customers", "orders", "reversals", "revenue_minor")
    assert {name: imported[name] for name in alike} == {name: replayed[name] for name in alike}
    assert {name: imported["changes"][name] for name in ("lifecycle", "value")} == {
        name: replayed["changes"][name] for name in ("lifecycle", "value")
    }
    if data == "december":
        assert imported["revenue_minor"] == 55_460_402

    assert "already imported" in commands.refused("import", *what)
    again = commands.run("import", *what, "--again", *out("again"))
    assert again["applied"] == 0
    assert again["duplicates"] == imported["applied"] + imported["duplicates"]
    assert moves(tmp_path / "again-changes") == {}
    assert members(tmp_path / "again-members") == members(tmp_path / "import-members")
    assert accounted(again)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_import_that_was_broken_off_goes_on_where_it_stopped(
    commands: Commands, tmp_path: Path, number: signal.Signals
) -> None:
    what = [str(young(tmp_path, customers=900, days=80)), "--format", "jsonl"]
    replayed = commands.run("replay", *what, "--changes", str(tmp_path / "replay"))
    process = commands.start("import", *what)
    wait(process, partial(commands.has_consumed, 1_000))
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL)
    if number == signal.SIGINT:
        assert "Run the same command to resume" in errors
        assert "Traceback" not in errors
    assert commands.consumed() < replayed["records"], "it was through already, so this shows nothing"

    resumed = commands.run("import", *what, "--changes", str(tmp_path / "import"))
    # No event was written twice: repeats are those of the file.
    alike = ("applied", "duplicates", "dead_letters", "customers", "orders", "reversals", "revenue_minor")
    assert {name: resumed[name] for name in alike} == {name: replayed[name] for name in alike}
    assert accounted(resumed)
    assert moves(tmp_path / "import") == moves(tmp_path / "replay")


def test_an_import_that_the_lanes_closed_meanwhile_brings_what_is_left_all_the_same(
    commands: Commands, tmp_path: Path
) -> None:
    what = [str(young(tmp_path, customers=900, days=80)), "--format", "jsonl"]
    replayed = commands.run("replay", *what)
    process = commands.start("import", *what)
    wait(process, partial(commands.has_consumed, 1_000))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    held: list[Any] = commands.client.hkeys(f"{commands.prefix}.streamer:imports")
    [id] = [name.decode() for name in held]

    # What a lane logs when no record of the import has arrived for ten minutes.
    value = encode_control(ControlImport(import_id=id, state="closed", source_hash="silence"))
    producer = KafkaProducer(bootstrap_servers=commands.environment["STREAMER_KAFKA"])
    for lane in range(LANES):
        topic = topics.full_name(topics.EVENTS, commands.prefix)
        producer.send(topic, value, partition=lane, headers=list(control_headers(value)))
    producer.close()

    worker = commands.start("worker", "--role", "lanes")
    try:
        wait(worker, lambda: sum(id in ledger.closed for ledger in commands.ledgers()) == LANES)
        process = commands.start("import", *what, "--json")
        out, errors = process.communicate(timeout=150)
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "the lanes have closed this import since" in errors
    resumed = json.loads(out.splitlines()[-1])
    alike = ("applied", "duplicates", "dead_letters", "customers", "orders", "reversals", "revenue_minor")
    assert {name: resumed[name] for name in alike} == {name: replayed[name] for name in alike}
    assert accounted(resumed)


MAPPING = """
delimiter = ";"
decimal = ","
timezone = "Europe/Berlin"
dates = ["%d.%m.%Y %H:%M:%S"]
group = "order"
[[event]]
[event.fields]
order_id = "order"
customer_id = "customer"
occurred_at = "placed"
total = "total"
currency = "currency"
[event.lines]
product_id = "product"
quantity = "quantity"
"""


def table(folder: Path, customers: int, days: int) -> tuple[Path, Path, int]:
    """Write a table of order lines, newest first, every 200th without a total; return it with its mapping.

    Also returns the number of rows that must be rejected.
    """
    rows, refused, zone = [], 0, ZoneInfo("Europe/Berlin")
    for number, event in enumerate(Shop(ShopConfig(customers=customers, days=days)).events()):
        order = json.loads(event.value)
        if order["type"] != "order.completed":
            continue
        placed = datetime.fromtimestamp(event.occurred_at // 1000, zone)
        bad = number % 200 == 0
        total = "" if bad else f"{order['total']:.2f}".replace(".", ",")
        for line in order["products"]:
            shared = [order["order_id"], order["customer_id"], f"{placed:%d.%m.%Y %H:%M:%S}", total, order["currency"]]
            rows.append(";".join([*shared, line["product_id"], str(line.get("quantity", 1))]))
        refused += bad * len(order["products"])
    path, mapping = folder / "orders.csv", folder / "mapping.toml"
    path.write_text("\n".join(["order;customer;placed;total;currency;product;quantity", *reversed(rows)]) + "\n")
    mapping.write_text(MAPPING)
    return path, mapping, refused


def test_a_table_broken_off_goes_on_where_it_stopped(commands: Commands, tmp_path: Path) -> None:
    file, mapping, refused = table(tmp_path, customers=1_500, days=80)
    rejects = tmp_path / "rejects.csv"
    what = [str(file), "--format", "csv", "--mapping", str(mapping), "--rejects", str(rejects)]
    replayed = commands.run("replay", *what, "--changes", str(tmp_path / "replay"))
    assert replayed["skipped"] == {"invalid_field": refused}
    assert refused > 0
    assert replayed["rows"] == len(file.read_text().splitlines()) - 1
    process = commands.start("import", *what)
    wait(process, partial(commands.has_consumed, 200))
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Run the same command to resume" in errors
    assert commands.consumed() < replayed["records"], "it was through already, so this shows nothing"

    alike = ("rows", "skipped", "applied", "duplicates", "dead_letters", "customers", "orders", "revenue_minor")
    resumed = commands.run("import", *what, "--changes", str(tmp_path / "import"))
    assert {name: resumed[name] for name in alike} == {name: replayed[name] for name in alike}
    assert accounted(resumed)
    assert moves(tmp_path / "import") == moves(tmp_path / "replay")
    assert len(rejects.read_text().splitlines()) == 1 + refused


def test_amounts_in_a_currency_without_a_rate_are_refused_before_anything_is_written(
    commands: Commands, tmp_path: Path
) -> None:
    commands.environment = {**commands.environment, "STREAMER_CURRENCY": "EUR"}
    file = tmp_path / "retail.csv"
    file.write_text("InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n")
    message = commands.refused("import", str(file), "--format", "online-retail")
    assert "STREAMER_CURRENCY=GBP" in message
    assert commands.consumed() == 0


def test_amounts_that_cannot_be_added_up_are_refused_before_the_first_record(
    commands: Commands, tmp_path: Path
) -> None:
    file = tmp_path / "pounds.jsonl"
    shop = Shop(ShopConfig(customers=40, days=20, currency="GBP"))
    file.write_bytes(b"\n".join(event.value for event in shop.events()) + b"\n")
    what = ["import", str(file), "--format", "jsonl"]
    message = commands.refused(*what)
    assert "amounts are in GBP, but the shop's currency is EUR" in message
    assert "STREAMER_CURRENCY=GBP" in message and "--yes" in message
    assert commands.consumed() == 0
    imported = commands.run(*what, "--yes")
    assert imported["orders"] == 0 and imported["applied"] > 0
    assert imported["dead_letters"].keys() == {"unknown_currency"}


def test_an_import_that_goes_on_does_not_take_its_own_workers_for_strangers(commands: Commands, tmp_path: Path) -> None:
    """Workers that were killed with their import count as readers of the lanes until the broker notices."""
    file = tmp_path / "retail.csv"
    rows = ["InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"]
    for number in range(12_000):
        day, minute = divmod(number, 240)
        at = f"2010-{1 + day // 28:02d}-{1 + day % 28:02d} {8 + minute // 60:02d}:{minute % 60:02d}:00"
        rows.append(f"{500_000 + number},85123A,HEART,6,{at},2.55,{17_000 + number % 600}.0,United Kingdom")
    file.write_text("\n".join(rows) + "\n")
    what = ["import", str(file), "--format", "online-retail"]
    process = commands.start(*what)
    wait(process, partial(commands.has_consumed, 1_000))
    both = [psutil.Process(process.pid), *psutil.Process(process.pid).children()]
    for one in both:
        one.kill()
    process.communicate(timeout=60)
    assert commands.consumed() < len(rows), "it was through already, so this shows nothing"
    assert member_count(commands.environment["STREAMER_KAFKA"], f"{commands.prefix}.streamer") > 0
    resumed = commands.run(*what)
    assert (resumed["orders"], resumed["customers"], resumed["dead_letters"]) == (12_000, 600, {})


def test_workers_that_run_already_do_not_take_the_files_currency(commands: Commands, tmp_path: Path) -> None:
    file = tmp_path / "retail.csv"
    file.write_text(
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
        "536365,85123A,HEART,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom\n"
    )
    worker = commands.start("worker", "--role", "lanes")
    try:
        group = f"{commands.prefix}.streamer"
        wait(worker, lambda: member_count(commands.environment["STREAMER_KAFKA"], group) > 0)
        message = commands.refused("import", str(file), "--format", "online-retail")
        assert "workers already run" in message and "STREAMER_CURRENCY=GBP" in message
        assert commands.consumed() == 0
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=60)
