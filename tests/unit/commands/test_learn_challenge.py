"""Test ``learn challenge`` and ``learn approve``: what they print, write and reject."""

from __future__ import annotations

import asyncio
import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from behaviour_world import World
from challenge_world import planted
from owner_rig import OwnerRig
from rich.console import Console
from typer.testing import CliRunner

from models.learning.learner import LearnerConfig
from models.messages import messages
from schemas import topics
from schemas.decisions import ModelDecision
from streamer.cli import build
from streamer.commands import learn_challenge
from streamer.commands.learn_challenge import _read, _text_of
from streamer.evaluate.activity import Activity
from streamer.evaluate.challenge import NAMES_OF_ALL, Asking, Challenge, challenge
from streamer.evaluate.challenge_report import page, show, to_json
from streamer.owner.model_reader import Published
from streamer.queries import models


def silent(text: str) -> None:
    return None


@pytest.fixture(scope="module")
def shop() -> Activity:
    return planted(1, 600, 420, -0.7)


@pytest.fixture(scope="module")
def found(shop: Activity) -> Challenge:
    return challenge(shop, Asking(models=("hazard-pairs", "tree")), silent)


@pytest.fixture
def history(shop: Activity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        learn_challenge, "_history", lambda data, format, mapping, asking, on_progress: ("a shop", shop, asking)
    )


def run(*arguments: str) -> Any:
    return CliRunner().invoke(build(), ["learn", *arguments])


def test_the_command_prints_and_writes_a_proposal(history: None, tmp_path: Path) -> None:
    proposal, html = tmp_path / "p.json", tmp_path / "c.html"
    found = run(
        *("challenge", "--data", "x.csv", "--models", "hazard-pairs", "--json"),
        *("--proposal", str(proposal), "--html", str(html)),
    )
    assert found.exit_code == 0, found.output
    body = json.loads(found.stdout.splitlines()[-1])
    assert [row["model"] for row in body["rows"]] == ["live", "cells", "hazard-pairs"]
    assert body["rows"][-1]["verdict"] == "proposed" and len(body["rows"][-1]["gains"]) == 2
    read = _read(proposal)
    assert read.to_dict() == body["proposal"]
    assert "<svg" in html.read_text() and not any(one in html.read_text() for one in ("src=", "href=", "<script"))


@pytest.mark.parametrize(("language", "words"), [("en", "proposed: hazard-pairs"), ("zh", "提案：hazard-pairs")])
def test_tables_fit_a_terminal_and_the_page_loads_nothing(
    shop: Activity, found: Challenge, language: Any, words: str
) -> None:
    texts = messages(language)
    console = Console(width=80, record=True, force_terminal=True)
    show(found, texts, 90, shop.first_day, 0.5, console)
    printed = console.export_text()
    assert words in printed and "…" not in printed
    for name in ("live", "cells", "hazard-pairs", "tree"):
        assert printed.count(name) >= 2
    written = page(found, texts, 90, shop.first_day, "<b>shop</b>", 0.5)
    assert words in written and "<b>" not in written and written.count("<figure") == 3
    assert json.loads(json.dumps(to_json(found, 90, shop.first_day)))["customers"] == found.customers


def test_what_cannot_be_is_refused_in_words(tmp_path: Path) -> None:
    found = run("challenge", "--models", "forest,oracle")
    assert found.exit_code == 1 and "unknown challenger: oracle" in found.output
    assert all(name in found.output.replace("\n", " ") for name in NAMES_OF_ALL)
    for text in (
        "",
        "{}",
        "[]",
        '{"kind": "streamer challenger", "challenger": {}}',
        '{"kind": "streamer challenger"}',
    ):
        file = tmp_path / "p.json"
        file.write_text(text)
        found = run("approve", str(file))
        assert found.exit_code == 1 and "is not a challenger that this version can use" in found.output
    assert run("approve", str(tmp_path / "none.json")).exit_code == 1


def test_a_proposal_in_a_file_comes_back(found: Challenge, tmp_path: Path) -> None:
    assert found.proposal is not None
    (tmp_path / "p.json").write_text(_text_of(found.proposal, "a shop"))
    assert _read(tmp_path / "p.json").belief.mean.tolist() == found.proposal.belief.mean.tolist()


@pytest.mark.parametrize("runs", [True, False])
def test_approval_reaches_the_owner_or_waits_for_it(
    found: Challenge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: bool
) -> None:
    assert found.proposal is not None
    (tmp_path / "p.json").write_text(_text_of(found.proposal, "a shop"))
    rig = OwnerRig(World(customers=6), LearnerConfig())
    rig.world.run(3, learn=False)
    rig.publish_rows()

    def published(to: Any) -> Published:
        now = Published()
        now.take(rig.broker.records(topics.MODELS))
        return now

    def send(to: Any, decision: ModelDecision) -> None:
        rig.decide(**decision.model_dump(exclude_none=True, exclude={"type"}))
        if runs:
            asyncio.run(rig.run())

    monkeypatch.setattr(learn_challenge, "connections", lambda settings: nullcontext(None))
    monkeypatch.setattr(models, "read_published", published)
    monkeypatch.setattr(models, "send_decision", send)
    monkeypatch.setattr(models, "_ANSWER_SECONDS", 0.1)
    monkeypatch.setattr(models, "_POLL_SECONDS", 0.01)
    said = run("approve", str(tmp_path / "p.json"))
    assert said.exit_code == 0 and ("version 1 of the predictions" if runs else "sent;") in said.stdout
    answer = json.loads(run("approve", str(tmp_path / "p.json"), "--json").stdout.splitlines()[-1])
    assert answer["version"] == (2 if runs else None)
    assert answer["products"] == [list(pair) for pair in found.proposal.pairs]
