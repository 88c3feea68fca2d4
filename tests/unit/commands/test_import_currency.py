"""Test an import's messages about amounts that the shop cannot add up; where it would continue, there is no server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Run

NOWHERE = {"STREAMER_KAFKA": "127.0.0.1:1", "STREAMER_REDIS": "redis://127.0.0.1:1"}


def orders(path: Path, *currencies: str) -> Path:
    path.write_text(
        "".join(
            json.dumps(
                {
                    "type": "order.completed",
                    "event_id": f"e{number}",
                    "order_id": f"o{number}",
                    "customer_id": "c",
                    "occurred_at": "2024-03-01T10:00:00Z",
                    "total": 10,
                    "currency": currency,
                }
            )
            + "\n"
            for number, currency in enumerate(currencies)
        )
    )
    return path


@pytest.mark.parametrize(
    ("currencies", "env", "options", "message"),
    [
        (["GBP", "GBP"], {}, [], "all of the first 2 amounts are in GBP, but the shop's currency is EUR"),
        (["GBP", "USD", "GBP"], {}, [], "all of the first 3 amounts are in GBP and USD"),
        (["GBP", "EUR"], {}, [], "1 of the first 2 amounts is in GBP"),
        (["GBP"], {}, ["--yes"], "the first amount is in GBP"),
        (["GBP"], {"STREAMER_CURRENCY": "GBP"}, [], None),
        (["GBP"], {"STREAMER_RATES": "GBP=1.17"}, [], None),
        ([], {}, [], None),
    ],
)
def test_a_currency_without_a_rate_is_refused_before_any_server_is_reached(
    run: Run, tmp_path: Path, currencies: list[str], env: dict[str, str], options: list[str], message: str | None
) -> None:
    file = orders(tmp_path / "events.jsonl", *currencies)
    ran = run("import", str(file), "--format", "jsonl", *options, env={**NOWHERE, **env})
    text = ran.stderr.replace("\n", " ")
    assert ran.exit_code == 1
    assert ("currency" in text) == (message is not None)
    assert message is None or message in text
    refused = message is not None and message.startswith("all") and not options
    assert ("STREAMER_CURRENCY=GBP" in text and "--yes" in text) == refused
    assert ("127.0.0.1:1" in text) != refused
