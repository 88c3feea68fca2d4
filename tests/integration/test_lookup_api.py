"""Test the lookup API on real servers: its answers match the command line and Redis."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import socket
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest
from command_line import CommandLine
from live_service import LiveService
from web_process import WebProcess, imported_shop

from schemas import topics
from streamer.client import presence
from streamer.commands import segment_members
from streamer.embedded import Services

pytestmark = pytest.mark.integration

READERS, CUTS = (int(os.environ.get(name, "5")) for name in ("SSE_READERS", "SSE_CUTS"))
MISSING = "/v1/customers/nobody-of-this-name"


@pytest.fixture(scope="module")
def service(services: Services, folder: Path) -> Iterator[LiveService]:
    with imported_shop(services.addresses, 14, folder, "lookup", customers=300) as running:
        yield running


def sizes(service: LiveService) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = {}
    for ledger in service.ledgers():
        for name, held in ledger.sizes.items():
            found.setdefault(name, Counter()).update(held)
    return {name: {id: n for id, n in held.items() if n} for name, held in found.items()}


def test_members_are_counted_alike_everywhere(api: WebProcess, service: LiveService) -> None:
    listed = api.fitting("segments", "/v1/segments")["segmentations"]
    shown = {
        name: {one["id"]: one["size"] for one in found["segments"] if one["size"]} for name, found in listed.items()
    }
    expected = sizes(service)
    assert {name: held for name, held in shown.items() if held} == expected
    for segmentation, held in expected.items():
        for segment, count in held.items():
            assert len(paged(api, f"{segmentation}/{segment}")) == count


def paged(api: WebProcess, segment: str, order: str = "since") -> list[str]:
    found: list[str] = []
    cursor = ""
    while True:
        page = api.fitting("members", f"/v1/segments/{segment}/members?limit=37&order={order}{cursor}")
        found += [member["customer_id"] for member in page["members"]]
        if page["next"] is None:
            return found
        cursor = f"&cursor={quote(page['next'])}"


def test_a_customer_is_as_the_command_line_shows_it(api: WebProcess, streamer: CommandLine) -> None:
    id = paged(api, "lifecycle/loyal", "id")[0]
    shown = streamer.json("customer", "show", id)
    explained = api.fitting("explanation", f"/v1/customers/{id}/explanation")
    alike = (
        "now",
        "name",
        "last_seen",
        "last_moved",
        "segments",
        "features",
        "next_moves",
        "borders",
        "ways",
        "predictions",
    )
    assert {name: shown[name] for name in alike} == {name: explained[name] for name in alike}
    assert shown["predictions"]["values"]["p_buy_30d"] == shown["features"]["p_buy_30d"] > 0
    found = api.fitting("customer", f"/v1/customers/{id}")
    assert found["segments"] == shown["segments"]
    assert found["features"]["orders"] == shown["features"]["orders"]
    assert {name: move for name, move in shown["next_moves"].items() if name != "behaviour"} == found["next_moves"]


def test_predictions_come_where_they_are_asked_for(api: WebProcess, streamer: CommandLine) -> None:
    members = api.fitting("members", "/v1/segments/lifecycle/loyal/members?order=id&predictions=true")["members"]
    plain = api.fitting("members", "/v1/segments/lifecycle/loyal/members?order=id")["members"]
    assert members and all("predictions" not in one for one in plain)
    for one in members[:3]:
        path = f"/v1/customers/{one['customer_id']}"
        found, explained = (
            api.fitting("customer", f"{path}?predictions=true"),
            api.fitting("explanation", f"{path}/explanation"),
        )
        assert found["predictions"] == explained["predictions"]
        assert one["predictions"] == {name: found["predictions"][name] for name in ("version", "values")}
        assert found["features"]["p_buy_30d"] == one["predictions"]["values"]["p_buy_30d"] > 0
        usual = api.fitting("customer", path)
        assert "predictions" not in usual and "p_buy_30d" not in usual["features"]
        assert found["features"].items() > usual["features"].items()
    listed = streamer.json("segments", "members", "lifecycle/loyal")
    assert {one["id"]: one["predictions_version"] for one in listed} == {one["customer_id"]: "0" for one in members}
    assert api.get("/v1/customers/c000001?predictions=1").status == 400


@pytest.mark.parametrize(
    "arguments",
    [
        ("lifecycle/loyal",),
        ("lifecycle/loyal", "--csv"),
        ("at_risk", "new", "value/high", "--json"),
        ("active", "--since", "2025-04-01", "--csv"),
        ("active", "--since", "2025-04-01T12:00:00Z", "--limit", "3", "--json"),
    ],
)
def test_the_command_gives_the_list_of_redis(
    api: WebProcess, streamer: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    command = ("segments", "members", *arguments)
    with monkeypatch.context() as alone:
        alone.setattr(presence, "url_for", lambda home, service: None)
        expected = streamer.run(*command)
    assert expected.exit_code == 0 and expected.stdout.count("c0") > 0
    with monkeypatch.context() as redis:
        # Nothing else can have led to what follows.
        redis.setattr(segment_members, "_from_redis", None)
        asked = streamer.run(*command)
        afar = CommandLine(tmp_path, {"STREAMER_HOME": str(tmp_path), "STREAMER_WEB_TOKEN": api.token})
        remote = afar.run(*command, "--url", f"http://127.0.0.1:{api.port}")
    assert (asked.exit_code, asked.stdout, asked.stderr) == (0, expected.stdout, "")
    assert (remote.exit_code, remote.stdout, remote.stderr) == (0, expected.stdout, "")
    with monkeypatch.context() as gone, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        gone.setattr(presence, "url_for", lambda home, service: f"http://127.0.0.1:{free.getsockname()[1]}")
        fallen = streamer.run(*command)
    assert (fallen.exit_code, fallen.stdout) == (0, expected.stdout)
    assert fallen.stderr.startswith(
        "the web process cannot provide the list, so Redis is read instead: http://127.0.0.1:"
    )


def test_history_is_what_was_published(api: WebProcess, service: LiveService) -> None:
    changes: dict[str, list[str]] = {}
    for change in service.changes():
        changes.setdefault(change["customer_id"], []).append(change["event_id"])
    busiest = max(changes, key=lambda id: len(changes[id]))
    found, before = [], ""
    while True:
        page = api.fitting("history", f"/v1/customers/{busiest}/history?limit=3{before}")
        found += [move["event_id"] for move in page["moves"]]
        if page["next"] is None:
            break
        before = f"&before={page['next']}"
    assert found[::-1] == changes[busiest]
    flows = api.fitting("flows", "/v1/flows?segmentation=value&from=2025-01-01&to=2025-12-31")["flows"]
    assert sum(flow["customers"] for flow in flows) == sum(one["segmentation"] == "value" for one in service.changes())


def test_flows_take_their_two_days_in_either_order(api: WebProcess) -> None:
    first, last = (
        api.fitting("flows", f"/v1/flows?from={early}&to={late}")
        for early, late in (("2025-03-01", "2025-04-15"), ("2025-04-15", "2025-03-01"))
    )
    assert first["flows"] and first == last
    assert (first["first_day"], first["last_day"]) == ("2025-03-01", "2025-04-15")


def test_a_download_is_what_the_command_writes(api: WebProcess, streamer: CommandLine) -> None:
    downloaded = api.get("/v1/segments/lifecycle/at_risk/members.csv")
    assert downloaded.status == 200 and downloaded.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(downloaded.text)))
    printed = list(
        csv.DictReader(io.StringIO(streamer.run("segments", "members", "lifecycle/at_risk", "--csv").stdout))
    )
    assert rows and sorted(map(str, rows)) == sorted(map(str, printed))


def test_the_rest_answers_as_documented(api: WebProcess, streamer: CommandLine) -> None:
    file = api.fitting("segmentations", "/v1/segmentations")
    assert file["version"] == 1
    answer = api.ask("POST", "/v1/segments/preview", file["text"].replace("orders >= 4", "orders >= 3").encode())
    assert answer.status == 200 and answer.body["customers"] > 0
    wrong = api.ask("POST", "/v1/segments/preview", b"[lifecycle]\nkind = 'rulez'\n")
    assert wrong.status == 422 and wrong.body["hint"]
    card = api.fitting("card", "/v1/segments/lifecycle/at_risk")
    assert card["size"] == streamer.json("segments", "show", "lifecycle/at_risk")[0]["size"]
    assert api.fitting("customers", "/v1/customers?query=c&limit=5")["customers"]
    assert api.fitting("plays", "/v1/plays") == {"plays": {}}
    someone = api.fitting("customers", "/v1/customers?query=c&limit=1")["customers"][0]
    assert api.fitting("messages", f"/v1/customers/{someone}/messages")["steps"] == []
    assert json.loads(api.get("/openapi.json", None).text)["openapi"] == "3.1.0"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (MISSING, 404),
        (f"{MISSING}/history", 404),
        ("/v1/segments/lifecycle/nothing/members", 404),
        ("/v1/segments/lifecycle/at_risk/members?limit=0", 400),
        ("/v1/segments/lifecycle/at_risk/members?limit=1001", 400),
        ("/v1/segments/lifecycle/at_risk/members?order=name", 400),
        ("/v1/segments/lifecycle/at_risk/members?cursor=%20x", 400),
        ("/v1/customers", 400),
        ("/v1/customers?query=%00", 400),
        ("/v1/flows?from=yesterday", 400),
        ("/v1/nothing", 404),
    ],
)
def test_what_is_wrong_is_said_with_the_fix(api: WebProcess, path: str, status: int) -> None:
    found = api.get(path)
    assert found.status == status and found.headers["content-type"] == "application/problem+json"
    assert found.body["detail"] and found.body["hint"] and found.body["status"] == status


def test_only_a_token_that_may_gets_an_answer(api: WebProcess) -> None:
    reader = api.tokens.create("reader", ["read"], "2026-01-01T00:00:00Z")
    assert api.get("/v1/segments", None).status == 401
    assert api.get("/v1/segments", "st_guessed").status == 401
    assert api.get("/v1/segments", reader).status == 200
    assert api.get("/v1/segments/lifecycle/at_risk/members.csv", reader).status == 403
    assert api.ask("POST", "/v1/segments/preview", b"", reader).status == 403
    api.tokens.revoke("reader")
    assert api.get("/v1/segments", reader).status == 401
    assert (api.home / "tokens.json").stat().st_mode & 0o777 == 0o600
    assert reader not in (api.home / "tokens.json").read_text()


def test_a_name_that_is_not_ours_is_refused(api: WebProcess) -> None:
    with socket.create_connection(("127.0.0.1", api.port)) as link:
        link.sendall(
            f"GET /v1/segments HTTP/1.1\r\nHost: evil.example\r\nAuthorization: Bearer {api.token}\r\n\r\n".encode()
        )
        assert link.recv(100).startswith(b"HTTP/1.1 421")


def test_the_read_model_fills_again_after_it_was_deleted_and_after_kills(api: WebProcess, service: LiveService) -> None:
    expected = {name: len(paged(api, f"lifecycle/{name}")) for name in sizes(service)["lifecycle"]}
    for delete in (False, True, False, True):
        api.kill()
        if delete:
            for file in api.home.glob("web.sqlite*"):
                file.unlink()
        api.start()
    api.until_current()
    assert {name: len(paged(api, f"lifecycle/{name}")) for name in expected} == expected
    flows = api.fitting("flows", "/v1/flows?segmentation=value&from=2025-01-01&to=2025-12-31")["flows"]
    assert sum(flow["customers"] for flow in flows) == sum(one["segmentation"] == "value" for one in service.changes())


def test_no_token_and_no_customer_is_in_the_log(api: WebProcess) -> None:
    id = paged(api, "lifecycle/loyal", "id")[0]
    api.get(f"/v1/customers/{id}")
    api.get(MISSING)
    assert api.token not in api.log and id not in api.log and "nobody-of-this-name" not in api.log


def test_followers_get_each_change_once_over_cuts(api: WebProcess, service: LiveService) -> None:
    every = Counter(change["event_id"] for change in service.changes())
    begin = ",".join(f"{lane}:{service.records(topics.CHANGES, lane)[0].offset}" for lane in range(service.lanes))
    with ThreadPoolExecutor(READERS) as pool:
        for got in pool.map(lambda seed: follow(api, begin, every.total(), random.Random(seed)), range(READERS)):
            assert Counter(got) == every


def follow(api: WebProcess, last: str, wanted: int, chance: random.Random) -> list[str]:
    """Return the ids of all changes after a place, read by a client that is disconnected `CUTS` times at random."""
    found: list[str] = []
    cuts = sorted(chance.sample(range(1, wanted), CUTS))
    for until in [*cuts, wanted]:
        while len(found) < until:
            got, last = read_some(api, last, until - len(found))
            assert got, f"nothing behind {last}"
            found += got
    return found


def read_some(api: WebProcess, last: str, count: int) -> tuple[list[str], str]:
    """Return up to ``most`` changes after an id, and the id of the last one; the connection is cut in the middle."""
    with socket.create_connection(("127.0.0.1", api.port), timeout=20) as link:
        link.sendall(
            f"GET /v1/changes HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {api.token}\r\n"
            f"Last-Event-ID: {last}\r\n\r\n".encode()
        )
        found: list[str] = []
        text = b""
        while len(found) < count:
            chunk = link.recv(5_000)
            if not chunk:
                break
            text += chunk
            while b"\n\n" in text:
                event, _, text = text.partition(b"\n\n")
                fields = dict(line.split(b": ", 1) for line in event.splitlines() if b": " in line)
                if b"data" in fields:
                    found.append(json.loads(fields[b"data"])["event_id"])
                    last = fields[b"id"].decode()
                elif b"nothing" in event:
                    return found, last
            if found and b"nothing for" in text:
                break
        return found, last


def test_nobody_whom_redis_shows_is_missing(
    api: WebProcess, service: LiveService, streamer: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = api.fitting("segments", "/v1/segments")["segmentations"]["lifecycle"]["segments"]
    command = ("segments", "members", *(f"lifecycle/{one['id']}" for one in held))
    for number in range(6):
        id = f"late-{number}"
        done = streamer.run("publish", "order", "--customer", id, "--total", "20", "--at", "2025-05-29T12:00:00Z")
        assert done.exit_code == 0, done.stderr
        api.until(partial(service.document, id))
        asked = streamer.json(*command)
        assert id in {one["id"] for one in asked}, service.document(id)
        with monkeypatch.context() as alone:
            alone.setattr(presence, "url_for", lambda home, service: None)
            assert streamer.json(*command) == asked
