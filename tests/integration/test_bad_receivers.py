"""Receivers that are no good cost no other channel its rate: real HTTP, on a real Kafka. ``make act`` sends more."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from act_rig import SECRET, ActService, Receiver, free_port
from bad_receivers import BadReceiver, Kind

from schemas.wire_time import epoch_ms
from streamer.embedded import Addresses

pytestmark = pytest.mark.integration

RATE = 40
"""Messages a second of the good channel."""
SECONDS = int(os.environ.get("ACT_BAD_SECONDS", "6"))
SENT = RATE * SECONDS
BAD: dict[str, Kind] = {
    "silent": "silent",
    "silent_too": "silent",
    "dripping": "dripping",
    "dripping_too": "dripping",
    "cutting": "cutting",
}
"""Together they hold more connections than a client opens by default."""
HEAD = """
[shop]
name = "Lamp & Leaf"
address = "1 Leaf Street"
web = "https://hello.lampleaf.example"

[limits]
per_customer = ["1000 a day"]
quiet = "none"
storm = "100 % of customers in 1 hour"
"""
ONE = """
[channels.{name}]
kind = "webhook"
url = "{url}"
{more}

[plays.{name}]
when = {{ segmentation = "lifecycle", to = ["at_risk"] }}
again = "0 seconds"
holdout = 0
channel = "{name}"
"""


@pytest.fixture
def service(addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path) -> Iterator[ActService]:
    secrets = ",".join(f"{name}={SECRET}" for name in ("good", "nobody", *BAD))
    with ActService(addresses, redis_url, prefix, tmp_path, STREAMER_WEBHOOK_SECRETS=secrets) as service:
        yield service


def test_a_good_channel_keeps_its_rate_beside_those_that_are_no_good(service: ActService) -> None:
    with ExitStack() as stack:
        good = stack.enter_context(Receiver(slowest=0.0, failing=0.0))
        receivers = {name: stack.enter_context(BadReceiver(kind)) for name, kind in BAD.items()}
        bad = {name: one.url for name, one in receivers.items()} | {"nobody": f"http://127.0.0.1:{free_port()}/"}
        text = HEAD + ONE.format(name="good", url=good.url, more=f'rate = ["{RATE} a second"]')
        text += "".join(ONE.format(name=name, url=url, more="timeout = 2") for name, url in bad.items())
        service.know(f"{part}{number}" for part in "ab" for number in range(SENT))
        service.start()
        service.begin(text, "good", templates={})
        alone = _rate(service, "a")
        service.begin(text, *bad, templates={})
        beside = _rate(service, "b")
        calls = {name: one.calls for name, one in receivers.items()}
    print(
        f"\n{SENT} messages: {alone:.1f} a second alone, {beside:.1f} beside {len(bad)} bad receivers ({calls} calls)"
    )
    # A second in which another process has the machine is a sixth of a short run.
    assert beside >= (0.95 if SECONDS >= 30 else 0.75) * alone and alone > 0.75 * RATE
    assert len(good.effects) == 2 * SENT and good.repeats == 0
    plays, channels = service.state().ledger.plays, service.state().ledger.channels
    assert all(plays[name].planned == SENT and plays[name].sent == 0 == plays[name].failed for name in bad)
    assert all(channels[name].opened for name in bad) and not channels["good"].opened
    # As many as are under way at once may have begun before the first one had failed; then the breaker holds all back.
    assert all(0 < count <= 64 for count in calls.values()), calls


def _rate(service: ActService, part: str) -> float:
    """Messages a second of the good channel, from the first plan to the last answer."""
    service.change([f"{part}{number}" for number in range(SENT)])
    service.wait(lambda: service.state().ledger.plays["good"].sent == SENT * (1 + (part == "b")))
    own = [one for one in service.steps() if one["play"] == "good" and one["customer_id"].startswith(part)]
    at = {
        type: [epoch_ms(one["at"]) for one in own if one["type"] == f"message.{type}"] for type in ("planned", "sent")
    }
    return SENT * 1000 / (max(at["sent"]) - min(at["planned"]))
