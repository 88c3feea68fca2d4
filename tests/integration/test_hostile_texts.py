"""Test customers' texts that try to control readers' screens, on a real service, through every command."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from command_line import CommandLine
from live_service import LiveService

from models.rules.defaults import DEFAULT_TEXT
from schemas.wire_time import iso
from streamer.sources.import_records import Outgoing

pytestmark = pytest.mark.integration

HOSTILE = "\x1b]0;pwned\x07\x1b[2J\x9b31m\u202eevil\u2066\u2028x\nfake line\r\u200f[red]:bomb:"
ESCAPED = r"\u001b]0;pwned\u0007\u001b[2J\u009b31m\u202eevil\u2066\u2028x\nfake line\r[red]:bomb:"
FORBIDDEN = {*map(chr, range(32)), *map(chr, range(0x7F, 0xA0)), *"\u2028\u2029\u202e\u2066\u200f"} - {"\n", "\t"}
TRAVELLERS = """[travellers]
kind = "rules"
rules = [{ segment = "moved", when = "city is not Nowhere" }, { segment = "little" }]
[travellers.segments]
moved = {}
little = {}

[behaviour]"""


def sent(type: str, **fields: Any) -> Outgoing:
    at = time.time_ns() // 1_000_000
    body = {"type": type, "event_id": f"e{time.time_ns()}", "customer_id": "ann", "occurred_at": iso(at), **fields}
    return Outgoing(b"ann", json.dumps(body).encode(), ())


def printed(line: CommandLine, *arguments: str) -> str:
    """Return both outputs of a command, the possible JSON last."""
    done = line.run(*arguments)
    assert done.exception is None or isinstance(done.exception, SystemExit), (arguments, done.exception)
    return done.stderr + done.stdout


def test_no_command_shows_what_could_command_a_screen(service: LiveService, tmp_path: Path) -> None:
    line = CommandLine(tmp_path, service.environment)
    service.start()
    service.publish(
        [
            sent(
                "order.completed",
                order_id="o1",
                total=10.0,
                currency="EUR",
                products=[{"product_id": "p1", "category": HOSTILE, "price": 10.0, "quantity": 1}],
            ),
            sent("profile.updated", traits={"city": HOSTILE, "country": HOSTILE, "custom": {"note": HOSTILE}}),
            Outgoing(HOSTILE.encode(), f"not json {HOSTILE}".encode(), ((HOSTILE, HOSTILE.encode()),)),
        ]
    )
    service.wait_until_applied()
    file = tmp_path / "segments.toml"
    file.write_text(DEFAULT_TEXT.replace("[behaviour]", TRAVELLERS))
    shown = {"activate": printed(line, "segments", "activate", str(file), "--yes")}
    service.publish([sent("profile.updated", traits={"city": f"{HOSTILE}2"}), sent("page.viewed", category=HOSTILE)])
    service.wait_until_applied()
    # Whatever else moves, the change caused by the second city is shown.
    service.wait(
        lambda: any(
            f"{HOSTILE}2" in str(change["reasons"]) or "city" in str(change["reasons"]) for change in service.changes()
        )
    )
    limit = str(len(service.changes()))
    found = line.json("deadletters", "list")
    place = next(one["place"] for one in found["dead_letters"] if one["reason"] == "not_json")
    for command in (
        ["watch", "--from-start", "--limit", limit, "--customer", "ann"],
        ["watch", "--from-start", "--limit", limit, "--customer", "ann", "--json"],
        ["customer", "show", "ann"],
        ["customer", "show", "ann", "--json"],
        ["customer", "export", "ann"],
        ["deadletters", "list"],
        ["deadletters", "show", place],
        ["deadletters", "show", place, "--json"],
        ["segments", "list"],
        ["segments", "suggest"],
        ["segments", "file"],
        ["parity"],
        ["status"],
        ["doctor"],
    ):
        shown[" ".join(command)] = printed(line, *command)
    shown["logs"] = service.logs()
    for name, text in shown.items():
        assert not FORBIDDEN & set(text), (name, sorted(map(hex, map(ord, FORBIDDEN & set(text)))))
        assert "\nfake line" not in text, name
    # They are shown nevertheless, and JSON reads back unchanged.
    assert ESCAPED in shown[f"watch --from-start --limit {limit} --customer ann"]
    assert ESCAPED in shown[f"deadletters show {place}"]
    whole = json.loads(shown["customer export ann"].splitlines()[-1])
    traits = whole["state"].get("profile", whole["state"].get("about"))["traits"]
    assert traits["city"] == f"{HOSTILE}2"
    assert json.loads(shown[f"deadletters show {place} --json"].splitlines()[-1])["headers"] == {HOSTILE: HOSTILE}
