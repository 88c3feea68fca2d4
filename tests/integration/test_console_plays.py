"""Test Plays and Models in the console: same results as the commands, forms and keyboard, and answered proposals."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from act_rig import ActService, Receiver, plays
from behaviour_cases import model
from browser import CHROMIUM, WHY, tab
from command_line import CommandLine
from console_pages import Sent, Visitor, faults
from web_process import WebProcess, check, web

from models.learning.proposal import Proposal, Trial
from schemas import topics
from schemas.decisions import DECISION_KEY
from streamer.embedded import Addresses
from streamer.lanes.ports import Write
from streamer.owner.publish_model import _proposal, model_writes
from streamer.web.console.sessions import Sessions

pytestmark = pytest.mark.integration

MEMBERS = tuple(f"c{number}" for number in range(12))

OWN = "owner@lampleaf.example"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver(failing=0.0)
    yield made
    made.close()


@pytest.fixture
def service(addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path) -> Iterator[ActService]:
    made = ActService(addresses, redis_url, prefix, tmp_path)
    yield made
    made.close()


@pytest.fixture
def console(service: ActService, tmp_path: Path) -> Iterator[WebProcess]:
    with web(service.environment, tmp_path / "web") as found:
        yield found


@pytest.fixture
def streamer(service: ActService, tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path, {k: v for k, v in service.environment.items() if k.startswith("STREAMER_")})


def test_a_play_is_watched_paused_and_gone_on_with(
    service: ActService, console: WebProcess, streamer: CommandLine, receiver: Receiver, tmp_path: Path
) -> None:
    for path in ("/plays", "/plays/hook", "/models", "/data", "/health"):
        assert console.get(path, token=None).status == 401, path
        assert console.ask("POST", path, b"action=pause", token=None).status in (401, 405), path
    visitor = Visitor(console)
    page_text = visitor.text("/plays")
    assert "No play was started yet" in page_text and "streamer plays start" in page_text
    assert visitor.send("/plays/hook", {"action": "pause"}, csrf="made-up").status == 403

    file = tmp_path / "plays.toml"
    file.write_text(plays(receiver.url, 9).partition("[plays.letter]")[0].replace("holdout = 0", "holdout = 0.5"))
    service.know(MEMBERS)
    service.start()
    streamer.json("plays", "start", "hook", "--file", str(file), "--approve", "3")
    service.wait(lambda: "hook" in streamer.json("plays", "list"))
    service.change(MEMBERS)
    service.wait(lambda: streamer.json("plays", "show", "hook")["waiting"] > 0)
    console.until(lambda: "your approval" in visitor.text("/plays/hook"))
    waiting = streamer.json("plays", "waiting", "--play", "hook")
    page = visitor.page("/plays/hook")
    assert all(f"/customers/{one['customer_id']}" in page for one in waiting)

    sent = visitor.send("/plays/hook", {"action": "release", "status": "waiting"})
    assert sent.status == 200 and answered(sent, "/plays/hook", "release", "The messages will be sent.")
    service.wait(lambda: service.done(len(MEMBERS)))
    shown = streamer.json("plays", "show", "hook")
    assert shown["sent"] and shown["withheld"] and shown["sent"] + shown["withheld"] == len(MEMBERS)
    console.until(lambda: f"held out {shown['withheld']}" in visitor.text("/plays/hook"))
    page_text = visitor.text("/plays/hook")
    assert f"Where {shown['planned']} planned messages ended" in page_text and f"sent {shown['sent']}" in page_text
    [row] = re.findall(r"<tr><th scope=\"row\"><a href=\"/plays/hook\">.*?</tr>", visitor.page("/plays"), re.DOTALL)
    figures = [int(found) for found in re.findall(r'<td class="n[^"]*">(\d+)</td>', row)]
    assert figures == [shown[name] for name in ("planned", "sent", "withheld", "waiting")]
    report = streamer.json("plays", "report", "hook")
    for name, arm in (("got it", "sent"), ("held out", "held_out")):
        assert f"{name} {report[arm]['n']} {report[arm]['bought']}" in page_text

    # The file is a newer book; the API uses the running one.
    preview = console.ask("POST", "/v1/plays/hook/preview?days=9", None)
    assert preview.status == 200, preview
    check("play_preview", preview.body)
    told = streamer.json("plays", "preview", "hook", "--file", str(file), "--days", "9")
    assert preview.body == {"days": 9, "changes": told["changes"], **told["plays"]["hook"]}
    assert preview.body["planned"] == len(MEMBERS)

    for order in ({"action": "erase"}, {"action": "drop", "status": "sent"}):
        sent = visitor.send("/plays/hook", order)
        assert sent.status == 404 and "There is no such order" in unescaped(sent.page)
    if CHROMIUM is not None:
        asyncio.run(pause_by_keyboard(console, tmp_path))
    else:
        visitor.send("/plays/hook", {"action": "pause"})
    service.wait(lambda: streamer.json("plays", "show", "hook")["status"] == "paused")
    sent = visitor.send("/plays/hook", {"action": "start"})
    assert sent.status == 200 and answered(sent, "/plays/hook", "start", "Started.")
    service.wait(lambda: streamer.json("plays", "show", "hook")["status"] == "running")
    assert "Does it work?" in visitor.text("/plays/hook")
    report_to_the_owner(streamer, file)
    service.wait(lambda: "monday" in streamer.json("plays", "list"))
    console.until(lambda: visitor.status("/plays/monday") == 200)
    page_text = visitor.text("/plays/monday")
    assert "Does it work?" not in page_text and "streamer plays show monday" in page_text
    if CHROMIUM is None:
        pytest.skip(WHY)
    assert asyncio.run(faults(console, ["/plays", "/plays/hook", "/plays/monday"], tmp_path / "look")) == []


def report_to_the_owner(streamer: CommandLine, file: Path) -> None:
    """Start a play that mails last week's figures to the owner, from a copy of the file."""
    more = file.with_name("monday.toml")
    channel = (
        f'[channels.me]\nkind = "smtp"\nhost = "127.0.0.1"\nport = 9\nfrom = "{OWN}"\nto = "{OWN}"\ntls = "none"\n'
    )
    play = '[plays.monday]\nwhen = { weekly = "monday 08:00" }\nchannel = "me"\n'
    more.write_text(f"{file.read_text()}\n{channel}\n{play}")
    streamer.json("plays", "start", "monday", "--file", str(more))


def answered(sent: Sent, path: str, note: str, words: str) -> bool:
    """Return whether a page confirms an action or, on a machine too busy for 15 s, announces it."""
    if "has answered" in sent.page or "has not answered yet" in sent.page:
        return sent.url in (f"{path}?note=later", f"{path}?note=later_model")
    return sent.url == f"{path}?note={note}" and words in sent.page


def unescaped(page: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


async def pause_by_keyboard(console: WebProcess, folder: Path) -> None:
    """Reach the button with Tab only, and press Enter."""
    base = f"http://127.0.0.1:{console.port}"
    async with tab(folder) as page:
        await page.open(f"{base}/enter?once={Sessions(console.home).link()}&to=/plays/hook")
        await page.until("location.pathname == '/plays/hook' && document.readyState == 'complete'")
        for _ in range(30):
            await page.key("Tab", 9)
            if await page.run("document.activeElement.matches('.act button')"):
                break
        assert await page.run("getComputedStyle(document.activeElement).outlineStyle") != "none", (
            "the focus is not seen"
        )
        for kind in ("keyDown", "keyUp"):
            await page.call("Input.dispatchKeyEvent", type=kind, key="Enter", text="\r", windowsVirtualKeyCode=13)
        await page.until("document.querySelector('[role=status]') !== null", 50)


def test_versions_are_shown_and_a_proposal_is_approved_in_a_click(
    service: ActService, console: WebProcess, streamer: CommandLine, tmp_path: Path
) -> None:
    visitor = Visitor(console)
    assert "There are no clusters yet" in visitor.text("/models")
    first = model()
    moved = Trial(200, 31, ((first.segments[0].segment_id, first.segments[1].segment_id, 31),))
    proposal = Proposal(4, 9, "segments", replace(first, version=2, parent=1), moved)
    now = 1_790_000_000_000
    [version] = model_writes(first, 2, now)[topics.MODELS, 0]
    publish(service, version, _proposal(proposal, "waiting", None, now))
    console.until(lambda: "Proposal p4 waits for you" in visitor.text("/models"), 20)
    page_text = visitor.text("/models")
    shown = streamer.json("models", "show", "1")
    for one in shown["segments"]:
        assert f"{one['name']} {one['share'] * 100:.1f} %" in page_text
    offered = streamer.json("models", "show", "p4")
    assert (
        f"{offered['k']} segments, because this number is now stable. It would move {offered['moves'] * 100:.1f} %"
        in page_text
    )
    for flow in offered["flows"]:
        names = [offered["names"][flow[end]] for end in ("from", "to")]
        assert f"{names[0]} {names[1]} {flow['customers']}" in page_text
    if CHROMIUM is not None:
        assert asyncio.run(faults(console, ["/models"], tmp_path / "look")) == []

    assert visitor.send("/models", {"proposal": "p4", "action": "approve"}, csrf="made-up").status == 403
    csrf = visitor.csrf("/models")
    # We play the part of the model owner.
    with ThreadPoolExecutor(1) as other:
        sending = other.submit(visitor.send, "/models", {"proposal": "p4", "action": "approve"})
        service.wait(lambda: any(one.key.startswith(DECISION_KEY) for one in service.records(topics.PANEL, 0)))
        publish(service, _proposal(proposal, "approved", 2, now))
        sent = sending.result(60)
    assert sent.status == 200 and answered(sent, "/models", "approve", "the next version is published")
    assert streamer.json("models", "list")["proposals"][0]["status"] == "approved"
    console.until(lambda: "waits for you" not in visitor.text("/models"))
    assert "approved" in visitor.text("/models")
    again = visitor.send("/models", {"proposal": "p4", "action": "approve"}, csrf=csrf)
    assert again.status == 409 and "proposal p4 is already settled" in unescaped(again.page)


def publish(service: ActService, *writes: Write) -> None:
    service.write(topics.MODELS, [(one.key or b"", one.value, one.headers) for one in writes], every_lane=False)
