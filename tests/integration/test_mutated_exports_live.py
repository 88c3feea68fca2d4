"""Test mutated exports imported in turn into one running service: no traceback, no stopped worker, no lost penny.

What `import --check` counts by its independent method is what the service gains, or the differing lines are named with
amounts that explain the difference. The processes running at the start still run at the end.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tomllib
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pytest
from command_line import CommandLine
from import_commands import Commands, commands_on, wait
from mutated_exports import mapping_of, mutated, seeds

from schemas.ids import NOBODY
from streamer.adapters.group import member_count, owner_group
from streamer.embedded import Addresses
from streamer.sources.mapping import shipped

pytestmark = pytest.mark.integration

COUNT: Final = int(os.environ.get("MUTATED_LIVE", "5"))
FIRST: Final = int(os.environ.get("MUTATED_SEED", "0"))
ROLES: Final = ("lanes", "owner")


@pytest.fixture
def commands(addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path) -> Commands:
    return commands_on(addresses, redis_url, prefix, tmp_path / "home")


@pytest.fixture
def workers(commands: Commands) -> Iterator[list[subprocess.Popen[str]]]:
    """Start one process for the lanes and one for the owner, which are not restarted."""
    started = [commands.start("worker", "--role", role, "--no-supervise") for role in ROLES]
    kafka, group = commands.environment["STREAMER_KAFKA"], f"{commands.prefix}.streamer"
    for one, name in zip(started, (group, owner_group(group)), strict=True):
        wait(one, partial(_is_read, kafka, name))
    yield started
    for one in started:
        one.send_signal(signal.SIGKILL)
        one.communicate()


def _is_read(kafka: str, group: str) -> bool:
    return member_count(kafka, group) > 0


def toml(value: Any) -> str:
    """Format a TOML value on one line."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{json.dumps(name)} = {toml(one)}' for name, one in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return json.dumps(value)


def own_customers(mapping: str, seed: int) -> str:
    """Return a case's mapping with customers that no other seed has, so that nothing repeats existing data.

    Placeholders keep their text.
    """
    path = Path(mapping)
    content = tomllib.loads(path.read_text() if path.is_file() else shipped()[mapping])
    front = f"{seed}-"
    nobody = {front + text: text for word in NOBODY for text in (word, word.upper(), word.title())}
    for event in content["event"]:
        column = event["fields"]["customer_id"]
        column = dict(column) if isinstance(column, dict) else {"column": column}
        column["prefix"] = front + (column["prefix"] if isinstance(column.get("prefix"), str) else "")
        column["map"] = {**nobody, **{front + text: said for text, said in column.get("map", {}).items()}}
        event["fields"]["customer_id"] = column
    return "".join(f"{json.dumps(name)} = {toml(value)}\n" for name, value in content.items())


def last_line(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text.splitlines()[-1])
    return found


def imported(streamer: CommandLine, folder: Path, path: Path, seed: int) -> int | None:
    """Return what an export adds to the revenue, in minor units; None if it is rejected."""
    file, mapping = folder / f"export-{seed}.csv", folder / f"mapping-{seed}.toml"
    file.write_bytes(mutated(path, seed))
    mapping.write_text(own_customers(mapping_of(path), seed))
    what = ("import", str(file), "--format", "csv", "--mapping", str(mapping), "--json")
    checked = streamer.run(*what, "--check")
    done = streamer.run(*what, "--yes")
    for one in (checked, done):
        assert one.exception is None or isinstance(one.exception, SystemExit), (path, seed, one.exception)
        assert "Traceback" not in one.stderr, (path, seed, one.stderr)
    if done.exit_code:
        assert done.exit_code == checked.exit_code == 1 and done.stderr.strip(), (path, seed, done.stderr)
        return None
    found, result = last_line(checked.stdout), last_line(done.stdout)
    applied, counted = found["applied"], found["counted"]
    assert result["orders"] == applied["orders"], (path, seed)
    assert result["revenue_minor"] == applied["order_money"] - applied["refund_money"], (path, seed)
    named = sum(
        (1 if one["kind"] == "order" else -1) * ((one["counted"] or 0) - one["applied"]) for one in found["differences"]
    )
    assert named == counted["order_money"] - counted["refund_money"] - result["revenue_minor"], (path, seed)
    assert set(result["dead_letters"]) <= {"unknown_currency"}, (path, seed, result["dead_letters"])
    return int(result["revenue_minor"])


@pytest.mark.timeout(3600)
def test_mutated_exports_into_one_service(
    commands: Commands, workers: list[subprocess.Popen[str]], tmp_path: Path
) -> None:
    pids = [one.pid for one in workers]
    streamer = CommandLine(tmp_path, commands.variables)
    revenue, read = 0, 0
    for path, seed in islice(seeds(FIRST + COUNT), FIRST, None):
        added = imported(streamer, tmp_path, path, seed)
        assert [one.poll() for one in workers] == [None, None], (path, seed)
        read += added is not None
        revenue += added or 0
    ledgers = commands.ledgers()
    assert sum(one.revenue_minor for one in ledgers) == revenue
    assert [one.unaccounted for one in ledgers] == [0] * len(ledgers)
    assert [one.pid for one in workers] == pids
    for one in workers:
        one.send_signal(signal.SIGTERM)
        _, errors = one.communicate(timeout=60)
        assert "Traceback" not in errors
    print(f"{COUNT} exports from seed {FIRST} on: {read} read, {COUNT - read} refused, {revenue / 100:,.2f} net")
    # The others lost or doubled a column that the mapping needs.
    assert 4 * read >= COUNT
