"""Test the service with TLS and passwords for Kafka and Redis, with exactly the rights that docs/operations.md lists."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from command_line import CommandLine, until
from redis.exceptions import AuthenticationError
from secured import Guard, Secured, tls_before

from streamer.adapters.redis import connect
from streamer.adapters.redis_wire import Wire
from streamer.config.settings import Settings
from streamer.embedded import Addresses, Services

pytestmark = pytest.mark.integration

LANES = 2
PROMPT_SECONDS = 15.0
"""Seconds within which commands that cannot connect must report it, including Python's start."""

Start = Callable[..., CommandLine]


@pytest.fixture(scope="module", autouse=True)
def tls(secured: Secured, services: Services) -> Iterator[None]:
    with tls_before(services.redis.port, secured):
        yield


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """If nobody ever answers, 1 s shows it as well as 5."""
    for module in ("preflight", "redis_reader"):
        monkeypatch.setattr(f"streamer.adapters.{module}.CONNECT_SECONDS", 1.0)


@pytest.fixture
def guard(secured: Secured, addresses: Addresses, prefix: str) -> Guard:
    return Guard(secured, addresses, prefix)


@pytest.fixture
def start(tmp_path: Path, prefix: str) -> Start:
    def starts(variables: dict[str, str]) -> CommandLine:
        return CommandLine(
            tmp_path,
            {
                "STREAMER_HOME": str(tmp_path / "home"),
                "STREAMER_TOPIC_PREFIX": prefix,
                "STREAMER_LANES": str(LANES),
                "STREAMER_METRICS_PORT": "0",
                "STREAMER_OWNER_METRICS_PORT": "0",
                "STREAMER_SESSION_SECONDS": "2",
                **variables,
            },
        )

    return starts


def test_an_event_goes_in_and_a_change_comes_out(start: Start, guard: Guard, redis_url: str, tmp_path: Path) -> None:
    variables = guard.environment(redis_url)
    secret = tmp_path / "secret"
    secret.write_text(variables.pop("STREAMER_KAFKA_SASL_PASSWORD") + "\n")
    streamer = start({**variables, "STREAMER_KAFKA_SASL_PASSWORD_FILE": str(secret)})
    with streamer.running("worker") as (_, log):
        until(lambda: "lane assignment changed" in log.read_text() and "the active model owner" in log.read_text(), log)
        streamer.json("publish", "order", "--customer", "17", "--total", "59.90")
        with streamer.running("watch", "--from-start", "--limit", "2") as (watching, seen):
            until(lambda: watching.poll() is not None, seen)
            assert "17 lifecycle (none) -> New because orders 1" in seen.read_text()
        until(lambda: streamer.run("customer", "show", "17").exit_code == 0)

        # Each of the other clients: admin, readers of topics and of the view, the importer, the replay of lanes.
        assert streamer.json("segments", "list")["lifecycle"]
        history = tmp_path / "history.jsonl"
        history.write_text(
            '{"event_id":"h","type":"order.completed","customer_id":"18","occurred_at":"2024-03-02T10:00:00Z",'
            '"order_id":"1","total":45.0,"currency":"EUR"}\n{"type":"order.exploded","customer_id":"18"}\n'
        )
        imported = streamer.json("import", str(history), "--format", "jsonl")
        assert (imported["orders"], imported["dead_letters"]) == (1, {"unknown_type": 1})
        assert streamer.json("deadletters", "list")["total"] == 1
        status = streamer.json("status")
        assert (status["unaccounted"], status["lag"]) == (0, 0)
        assert streamer.run("topics", "check").exit_code == 0
        assert streamer.run("parity").exit_code == 0
        doctor = streamer.run("doctor", "--json")
        answer = json.loads(doctor.stdout)
        assert doctor.exit_code == 0, answer["findings"]
        notes = {one["subject"]: one for one in answer["findings"]}
        assert notes["clock"]["text"].startswith("within 0.")
        assert notes["dead letters"]["text"].startswith("1 refused as unknown_type (")
        assert "0 waiting" in notes["records"]["text"]
        shown = {one["name"]: (one["value"], one["origin"]) for one in answer["settings"]}
        assert shown["STREAMER_KAFKA_SASL_PASSWORD"] == ("******", f"environment, file {secret}")
        assert secret.read_text().strip() not in doctor.stdout
        assert variables["STREAMER_REDIS_PASSWORD"] not in doctor.stdout + log.read_text()


def test_a_password_may_also_go_by_sasl_plain(start: Start, guard: Guard, redis_url: str) -> None:
    streamer = start(guard.environment(redis_url, "PLAIN"))
    assert streamer.run("topics", "create").exit_code == 0
    assert streamer.json("publish", "view", "--customer", "17")["partition"] in range(LANES)
    assert streamer.json("deadletters", "list")["total"] == 0


def test_missing_rights_of_a_redis_user_are_reported_before_a_worker_begins(
    start: Start, guard: Guard, redis_url: str
) -> None:
    variables = guard.environment(redis_url)
    with redis.Redis.from_url(redis_url) as admin:
        admin.execute_command("ACL", "SETUSER", variables["STREAMER_REDIS_USERNAME"], "-function|load")
    ran = start(variables).run("worker")
    assert ran.exit_code == 1
    assert "denies access" in ran.stderr
    assert "function|load" in ran.stderr
    assert "permissions listed in docs/operations.md" in ran.stderr.splitlines()[-1]


def test_missing_rights_of_a_kafka_user_are_reported(start: Start, guard: Guard, redis_url: str) -> None:
    streamer = start({**guard.environment(redis_url), "STREAMER_TOPIC_PREFIX": "anothers"})
    ran = streamer.run("worker")
    assert ran.exit_code == 1
    assert "permissions" in ran.stderr.splitlines()[-1]


def wrong(variables: dict[str, str], secured: Secured, addresses: Addresses, name: str) -> dict[str, str]:
    """Return the settings with one common mistake."""
    kafka_port = addresses.kafka.rpartition(":")[2]
    changes = {
        "kafka password": {"STREAMER_KAFKA_SASL_PASSWORD": "wrong"},
        "kafka mechanism": {"STREAMER_KAFKA_SASL_MECHANISM": "SCRAM-SHA-256"},
        "kafka authority": {"STREAMER_KAFKA_SSL_CA": str(secured.stranger_ca)},
        "kafka without TLS": {"STREAMER_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "STREAMER_KAFKA_SSL_CA": ""},
        "kafka's port in plain text": {"STREAMER_KAFKA": f"127.0.0.1:{kafka_port}"},
        "kafka's port is Redis's": {"STREAMER_KAFKA": f"127.0.0.1:{secured.redis_port}"},
        "redis password": {"STREAMER_REDIS_PASSWORD": "wrong"},
        "redis authority": {"STREAMER_REDIS_CA": str(secured.stranger_ca)},
        "redis without TLS": {
            "STREAMER_REDIS": variables["STREAMER_REDIS"].replace("rediss", "redis"),
            "STREAMER_REDIS_CA": "",
        },
        "redis's port in plain text": {
            "STREAMER_REDIS": addresses.redis.replace("redis:", "rediss:"),
        },
        "redis's port is Kafka's": {"STREAMER_REDIS": f"rediss://127.0.0.1:{secured.kafka.rpartition(':')[2]}/0"},
        "redis user without rights": {"STREAMER_REDIS_USERNAME": "nobody"},
    }
    return {**variables, **changes[name]}


@pytest.mark.parametrize(
    ("mistake", "message", "hint"),
    [
        ("kafka password", "rejects the user", "STREAMER_KAFKA_SASL_USERNAME and STREAMER_KAFKA_SASL_PASSWORD"),
        ("kafka mechanism", "does not support SCRAM-SHA-256", "STREAMER_KAFKA_SASL_MECHANISM"),
        ("kafka authority", "certificate", "STREAMER_KAFKA_SSL_CA"),
        ("kafka without TLS", "does not answer", "STREAMER_KAFKA_SECURITY_PROTOCOL"),
        ("kafka's port in plain text", "does not answer", "STREAMER_KAFKA_SECURITY_PROTOCOL"),
        ("kafka's port is Redis's", "does not answer", "STREAMER_KAFKA"),
        ("redis password", "denies access", "STREAMER_REDIS_USERNAME and STREAMER_REDIS_PASSWORD"),
        ("redis authority", "certificate", "STREAMER_REDIS_CA"),
        ("redis without TLS", "does not answer", "rediss://"),
        ("redis's port in plain text", "does not answer", "redis://"),
        ("redis's port is Kafka's", "does not answer", "STREAMER_REDIS"),
        ("redis user without rights", "denies access", "STREAMER_REDIS_USERNAME and STREAMER_REDIS_PASSWORD"),
    ],
)
def test_a_mistake_is_reported_at_once_in_plain_words_with_the_fix(
    start: Start,
    guard: Guard,
    secured: Secured,
    addresses: Addresses,
    redis_url: str,
    mistake: str,
    message: str,
    hint: str,
) -> None:
    right = guard.environment(redis_url)
    streamer = start(wrong(right, secured, addresses, mistake))
    started = time.monotonic()
    # `worker` needs both; `doctor` continues and reports the wrong one.
    ran = streamer.run("worker")
    assert time.monotonic() - started < PROMPT_SECONDS
    assert ran.exit_code == 1
    assert ran.exception is None or isinstance(ran.exception, SystemExit)
    assert message in ran.stderr
    assert hint in ran.stderr.splitlines()[-1]
    assert right["STREAMER_KAFKA_SASL_PASSWORD"] not in ran.stderr
    findings = json.loads(streamer.run("doctor", "--json").stdout)["findings"]
    (finding,) = [one for one in findings if one["hint"] and one["wrong"] and one["subject"] in ("Kafka", "Redis")]
    assert message in finding["text"]
    assert hint in finding["hint"]


@pytest.mark.parametrize("server", ["STREAMER_KAFKA", "STREAMER_REDIS"])
def test_a_port_that_takes_connections_and_never_answers_does_not_hold_a_command_up(
    start: Start, addresses: Addresses, redis_url: str, server: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = f"127.0.0.1:{silent.getsockname()[1]}"
        address = place if server == "STREAMER_KAFKA" else f"redis://{place}/0"
        streamer = start({"STREAMER_KAFKA": addresses.kafka, "STREAMER_REDIS": redis_url, server: address})
        started = time.monotonic()
        ran = streamer.run("worker")
        assert time.monotonic() - started < PROMPT_SECONDS
        assert ran.exit_code == 1
        assert place in ran.stderr
        assert "does not answer" in ran.stderr


def test_the_connection_of_look_ups_has_the_passwords_and_tls_of_every_client(guard: Guard, redis_url: str) -> None:
    url, options = Settings.load({}, environ=guard.environment(redis_url)).redis_connection(None)

    async def ask(**more: str) -> object:
        client = connect(url, **{**options, **more})
        wire = Wire(client)
        try:
            return await wire.execute("HMGET", f"{guard.prefix}.streamer:none", "core")
        finally:
            await wire.close()
            await client.aclose()
            # Otherwise the loop ends before TLS has closed, and its socket is left open.
            await asyncio.sleep(0.2)

    assert url.startswith("rediss://") and asyncio.run(ask()) == [None]
    with pytest.raises(AuthenticationError):
        asyncio.run(ask(password="wrong"))
