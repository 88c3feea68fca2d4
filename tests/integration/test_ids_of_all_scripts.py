"""Test 24 ids in ten scripts through every way in and out; personal data is in no log and no metric."""

from __future__ import annotations

import csv
import io
import json
import time
import urllib.request
from pathlib import Path
from typing import Any, Final
from unicodedata import normalize

import pytest
from command_line import CommandLine
from live_service import LiveService

from schemas import topics
from schemas.wire_time import iso
from streamer.embedded import Addresses
from streamer.imports import learning
from streamer.sources.import_records import Outgoing

pytestmark = pytest.mark.integration

IDS: Final = (
    *("!ledger", "!model:1", "a{b}", "{}", "a/b?c#d%", "..", "ada lovelace", "o'hara@example.com"),
    *("jürgen", "rene\u0301e", "Ωμέγα", "Юлия 7", "محمد", "می\u200cخواهم", "שרה", "राम\u200dश्री"),
    *("สมชาย", "김민수", "さくら🌸", "张伟", "用户17", "李·四", "Հայկ", "ნინო"),
)
"""Latin, Greek, Cyrillic, Arabic, Hebrew, Devanagari, Thai, Hangul, Kana, Han, Armenian, Georgian; one is not in NFC."""
SOME: Final = ("!ledger", "a{b}", "می\u200cخواهم", "rene\u0301e")
TRAITS: Final = {
    "name": "Ада Лавлейс",
    "email": "ada.secret@example.org",
    "phone": "+49 151 7654321",
    "timezone": "Pacific/Chatham",
    "language": "gsw-CH",
    "custom": {"nickname": "Enchantress"},
}


def order(number: int, id: str, at: int) -> dict[str, Any]:
    head = {"event_id": f"e{number}", "type": "order.completed", "customer_id": id, "occurred_at": iso(at)}
    return {**head, "order_id": f"o{number}", "total": 60.0, "currency": "EUR"}


def test_every_id_is_carried_unchanged_shown_exported_and_erased(
    addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Clusters do not matter here: no model owner runs, and nothing waits for one.
    monkeypatch.setattr(learning, "PATIENCE_SECONDS", 0.5)
    at = time.time_ns() // 1_000_000 - 60_000
    by_kafka, by_lines, by_table = IDS[::3], IDS[1::3], IDS[2::3]
    lines = [json.dumps(order(100 + n, id, at), ensure_ascii=n % 2 == 0) for n, id in enumerate(by_lines)]
    (tmp_path / "ids.jsonl").write_text("\n".join(lines))
    with (tmp_path / "ids.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["Order", "Date", "Customer", "Total"])
        rows.writerows([f"c{n}", iso(at), id, "60.00"] for n, id in enumerate(by_table))
    (tmp_path / "ids.toml").write_text(
        '[[event]]\n[event.fields]\norder_id = "Order"\noccurred_at = "Date"\ncustomer_id = "Customer"\ntotal = "Total"\n'
    )
    with LiveService(addresses, redis_url, prefix, tmp_path, lanes=2, STREAMER_LANES="2") as service:
        worker = service.start()
        streamer = CommandLine(tmp_path, {k: v for k, v in service.environment.items() if k.startswith("STREAMER_")})
        bodies = [order(n, id, at) for n, id in enumerate(by_kafka)]
        traits = {"event_id": "t", "type": "profile.updated", "customer_id": by_kafka[0], "occurred_at": iso(at)}
        bodies.append({**traits, "traits": TRAITS})
        service.publish(
            [Outgoing(one["customer_id"].encode(), json.dumps(one, ensure_ascii=False).encode(), ()) for one in bodies]
        )
        # Otherwise an import starts its own worker.
        service.wait(lambda: service.shared_out([worker]))
        for name in ("ids.jsonl", "ids.csv"):
            more = ("--mapping", str(tmp_path / "ids.toml")) if name.endswith("csv") else ()
            done = streamer.run("import", str(tmp_path / name), "--yes", *more)
            assert done.exit_code == 0, done.stdout + done.stderr
        service.wait_until_applied()
        wanted = {normalize("NFC", id) for id in IDS}
        assert sum(sum(ledger.dead_letters.values()) for ledger in service.ledgers()) == 0
        assert {change["customer_id"] for change in service.changes()} == wanted
        assert {record.key.decode() for n in range(2) for record in service.records(topics.MEMBERSHIPS, n)} == wanted
        members = csv.DictReader(io.StringIO(streamer.run("segments", "members", "new", "--csv").stdout))
        # A spreadsheet would read this start as a formula, so it is quoted there.
        assert {row["id"].removeprefix("'") for row in members} == wanted
        listed = streamer.json("customer", "list", "--query", "лавлейс")
        assert [(one["id"], one["name"], one["email"]) for one in listed] == [
            ("!ledger", TRAITS["name"], TRAITS["email"])
        ]
        for id in SOME:
            assert streamer.json("customer", "show", id)["customer_id"] == normalize("NFC", id)
        shown = streamer.run("customer", "show", "!ledger").stdout
        assert "Ада Лавлейс" in shown and "last seen" in shown and "last moved" in shown
        for id in IDS:
            name = normalize("NFC", id)
            document = json.loads(service.document(name) or b"{}")
            assert (document["customer_id"], document["features"]["orders"]) == (name, 1)
        exported = json.loads(streamer.run("customer", "export", "!ledger").stdout)
        assert exported["state"]["about"]["traits"] == {
            **{name: text for name, text in TRAITS.items() if name != "custom"},
            "custom.nickname": "Enchantress",
        }
        assert service.parity().differences == []
        exposed_to_nobody(service, service.logged(worker, "serving metrics")[0]["url"])
        for id in SOME:
            assert streamer.json("customer", "erase", id, "--yes")["erased"], id
            assert service.document(normalize("NFC", id)) is None
        assert {normalize("NFC", one["id"]) for one in streamer.json("customer", "list")} == {
            *(wanted - {normalize("NFC", id) for id in SOME})
        }


def exposed_to_nobody(service: LiveService, metrics: str) -> None:
    """Check that neither ids nor traits are in what the worker logs and exposes."""
    logs = service.logs()
    page = urllib.request.urlopen(metrics, timeout=10).read().decode()
    assert "streamer_events_applied_total" in page
    personal = ["Enchantress", *(text for text in TRAITS.values() if isinstance(text, str))]
    personal += [id for id in IDS if not id.isascii()] + ["o'hara", "lovelace"]
    for text in personal:
        assert text not in logs and text not in page, text
        assert json.dumps(text)[1:-1] not in logs, text
