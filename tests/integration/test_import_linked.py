"""Test linked ids in different lanes: an import, even an interrupted one, yields what a replay yields."""

from __future__ import annotations

import json
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from import_commands import LANES, Commands, commands_on, wait

from schemas.partition import partition_for
from schemas.wire_time import iso
from streamer.embedded import Addresses

pytestmark = pytest.mark.integration

DAY = 86_400_000
BEGIN = 1_704_067_200_000
PEOPLE = 60


@pytest.fixture
def commands(addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path) -> Commands:
    return commands_on(addresses, redis_url, prefix, tmp_path / "home")


def _apart(number: int) -> tuple[str, str]:
    """Return a customer's id, and the id of a visitor in another lane."""
    customer = f"c{number}"
    lane = partition_for(customer.encode(), LANES)
    others = (f"web-{number}-{one}" for one in range(100))
    return customer, next(one for one in others if partition_for(one.encode(), LANES) != lane)


def shop(path: Path) -> Path:
    """Write customers who buy as visitors and are identified later; two visitors may become one."""
    found: list[tuple[int, dict[str, Any]]] = []

    def add_event(at: int, id: str, type: str, **more: Any) -> None:
        body = {"event_id": f"e{len(found)}", "type": type, "customer_id": id, "occurred_at": iso(at), **more}
        found.append((at, body))

    def buy(at: int, id: str, total: float) -> None:
        add_event(at, id, "order.completed", order_id=f"o{len(found)}", total=total, currency="EUR", products=[])

    for number in range(PEOPLE):
        customer, visitor = _apart(number)
        begin = BEGIN + number * DAY // 7
        buy(begin, visitor, 10.0 + number)
        add_event(begin + DAY, visitor, "page.viewed", url="/")
        if number % 3:
            buy(begin + 2 * DAY, customer, 20.0)
        add_event(begin + 5 * DAY, customer, "identity.linked", anonymous_id=visitor)
        if number % 4 == 0:
            second = _apart(number + 1_000)[1]
            buy(begin + 3 * DAY, second, 5.0)
            add_event(begin + 6 * DAY, customer, "identity.linked", anonymous_id=second)
        # Late and afterwards, still under the visitor's id: another lane must process them.
        buy(begin + 20 * DAY, visitor, 30.0)
        buy(begin + (4 + number % 2) * DAY, visitor, 7.5)
        buy(begin + 60 * DAY, customer, 40.0)
    found.sort(key=lambda one: one[0])
    path.write_text("".join(json.dumps(body) + "\n" for _, body in found))
    return path


def pictures(path: Path) -> dict[str, dict[str, str]]:
    return {one["customer_id"]: one["segments"] for one in map(json.loads, path.read_text().splitlines())}


@pytest.mark.parametrize("broken", [False, True])
def test_customers_linked_over_two_lanes_are_those_of_a_replay(
    commands: Commands, tmp_path: Path, broken: bool
) -> None:
    what = [str(shop(tmp_path / "shop.jsonl")), "--format", "jsonl"]
    replayed = commands.run("replay", *what, "--memberships", str(tmp_path / "replay"))
    if broken:
        process = commands.start("import", *what)
        wait(process, partial(commands.has_consumed, replayed["records"] // 2))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=120)
    imported = commands.run("import", *what, "--memberships", str(tmp_path / "import"))
    found = pictures(tmp_path / "import")
    assert found == pictures(tmp_path / "replay")
    assert set(found) == {f"c{number}" for number in range(PEOPLE)}, "visitors became the customers that they are"
    if not broken:
        assert imported["rerouted"] > PEOPLE
    for name in ("orders", "revenue_minor", "reversals"):
        assert imported[name] == replayed[name], name
