"""Test files joined by a mapping through the live service, against `replay` and `evaluate --data`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from import_commands import Commands, commands_on

from streamer.commands.recognise import data_of
from streamer.embedded import Addresses

pytestmark = pytest.mark.integration

MAPPING = """
group = "id"

[[join]]
file = "items.csv"
on = "id"

[[join]]
file = "people.csv"
on = "person"

[[event]]
[event.fields]
order_id = "id"
customer_id = "email"
occurred_at = "when"
total = { sum = "price", times = "pieces" }

[event.lines]
product_id = "product"
price = "price"
quantity = "pieces"
"""


@pytest.fixture
def commands(addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path) -> Commands:
    return commands_on(addresses, redis_url, prefix, tmp_path / "home")


def shop(folder: Path) -> int:
    """Write 90 orders of 30 customers, with one to three lines each; return the sum of all lines in cents."""
    orders, items, total = ["id,person,when"], ["id,product,price,pieces"], 0
    for number in range(90):
        orders.append(f"{number},p{number % 30},2024-0{1 + number % 6}-{10 + number % 15}")
        for line in range(1 + number % 3):
            items.append(f"{number},a{line},{5 + line}.25,{1 + number % 4}")
            total += (525 + 100 * line) * (1 + number % 4)
    people = ["person,email", *(f"p{number},p{number}@example.org" for number in range(30))]
    for name, lines in (("orders", orders), ("items", items), ("people", people)):
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    (folder / "shop.toml").write_text(MAPPING)
    return total


def test_joined_files_are_imported_as_they_are_replayed(commands: Commands, tmp_path: Path) -> None:
    total = shop(tmp_path)
    what = [str(tmp_path / "orders.csv"), "--mapping", str(tmp_path / "shop.toml")]
    replayed = commands.run("replay", *what, "--memberships", str(tmp_path / "replay"))
    imported = commands.run("import", *what, "--memberships", str(tmp_path / "import"))
    assert (imported["orders"], imported["customers"], imported["revenue_minor"]) == (90, 30, total)
    assert [replayed[name] for name in ("orders", "customers", "revenue_minor")] == [90, 30, total]
    lines = [sorted((tmp_path / name).read_text().splitlines()) for name in ("replay", "import")]
    assert [json.loads(line)["customer_id"] for line in lines[0]] == [
        json.loads(line)["customer_id"] for line in lines[1]
    ]
    assert "already imported" in commands.refused("import", *what)
    # Another price in a joined file changes the content.
    (tmp_path / "items.csv").write_text((tmp_path / "items.csv").read_text().replace("5.25,1", "6.25,1", 1))
    assert commands.run("import", *what)["revenue_minor"] == 100


def test_evaluate_reads_joined_files(tmp_path: Path) -> None:
    total = shop(tmp_path)
    source, _ = data_of(tmp_path / "orders.csv", None, str(tmp_path / "shop.toml"), lambda text: None)
    bodies = [json.loads(event.value) for event in source.events()]
    assert (len(bodies), round(100 * sum(body["total"] for body in bodies))) == (90, total)
