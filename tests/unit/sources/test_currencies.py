from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from streamer.sources.currencies import AMOUNTS, currencies
from streamer.sources.open_source import CsvOptions, open_source


def event(number: int, type: str, **fields: Any) -> str:
    body = {
        "type": type,
        "event_id": f"e{number}",
        "customer_id": "c",
        "occurred_at": "2024-03-01T10:00:00Z",
        **fields,
    }
    return json.dumps(body) + "\n"


def test_amounts_of_orders_and_refunds_are_counted_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    lines = [
        event(1, "order.completed", order_id="o1", total=10, currency="GBP"),
        event(2, "order.refunded", order_id="o1", refund_id="r1", total=10, currency="USD"),
        event(3, "order.cancelled", order_id="o1"),
        event(4, "product.viewed", product_id="p", price=3, currency="SEK"),
        "no event\n",
    ]
    path.write_text("".join(lines))
    source = open_source(path, "jsonl")
    assert currencies(source) == {"GBP": 1, "USD": 1}
    assert len(list(source.events())) == len(lines)
    assert source.rows == len(lines)


def test_a_look_ends_after_the_first_amounts(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(
        "".join(
            event(n, "order.completed", order_id=f"o{n}", total=1, currency="GBP" if n < AMOUNTS else "USD")
            for n in range(AMOUNTS + 10)
        )
    )
    assert currencies(open_source(path, "jsonl")) == {"GBP": AMOUNTS}


def test_a_table_is_looked_at_without_leaving_a_trace(tmp_path: Path) -> None:
    table, mapping, rejects = tmp_path / "orders.csv", tmp_path / "mapping.toml", tmp_path / "rejects.csv"
    rows = ["a;c1;2024-03-02;5;GBP", "b;c2;2024-03-01;never;GBP", "a;;;;", "c;c3;2024-03-03;7;", "d;c4"]
    table.write_text("\n".join(["order;customer;at;sum;money", *rows]) + "\n")
    mapping.write_text("""
delimiter = ";"
dates = ["%Y-%m-%d"]
group = "order"
[[event]]
[event.fields]
order_id = "order"
customer_id = "customer"
occurred_at = "at"
total = "sum"
currency = "money"
""")
    source = open_source(table, "csv", CsvOptions(str(mapping), currency="EUR", rejects=rejects))
    assert currencies(source) == {"GBP": 1, "EUR": 1}
    assert (source.rows, dict(source.skipped), rejects.exists()) == (None, {}, False)
    assert [json.loads(one.value)["order_id"] for one in source.events()] == ["a", "c"]
    assert (source.rows, dict(source.skipped)) == (5, {"bad_value": 1, "column_count": 1})
