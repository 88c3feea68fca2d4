"""Test ``streamer plays`` and ``streamer coupons`` with a running `act`: their effects, and their errors for wrong flags."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from act_rig import COUPON, WITH_COUPON, ActService, Postbox, Receiver, plays
from command_line import CommandLine

from streamer.embedded import Addresses

pytestmark = pytest.mark.integration

MEMBERS = tuple(f"c{number}" for number in range(6))


@pytest.fixture
def service(addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path) -> Iterator[ActService]:
    with ActService(addresses, redis_url, prefix, tmp_path) as service:
        yield service


@pytest.fixture
def shell(service: ActService, tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path, _settings(service))


def _settings(service: ActService) -> dict[str, str]:
    return {name: value for name, value in service.environment.items() if "STREAMER" in name}


@pytest.fixture
def file(tmp_path: Path, receiver: Receiver, postbox: Postbox) -> Path:
    folder = tmp_path / "desk"
    (folder / "templates").mkdir(parents=True)
    for name, text in WITH_COUPON.items():
        (folder / "templates" / name).write_text(text)
    path = folder / "plays.toml"
    path.write_text(plays(receiver.url, postbox.port, letter=COUPON))
    return path


def test_from_a_checked_file_to_messages_that_somebody_said_yes_to(
    service: ActService, shell: CommandLine, file: Path, receiver: Receiver, postbox: Postbox
) -> None:
    service.know(MEMBERS)
    assert shell.json("plays", "check", str(file))["plays"] == ["hook", "letter"]
    assert shell.json("plays", "list") == {}
    service.start()

    # The first message waits for approval.
    shell.json("plays", "start", "hook", "--file", str(file), "--approve", "1")
    service.wait(lambda: "hook" in shell.json("plays", "list"))
    service.change(MEMBERS[:1])
    service.wait(lambda: [one["why"] for one in shell.json("plays", "waiting")] == ["approve"])
    assert not receiver.effects
    assert "the next 1 message waits for your approval" in shell.run("plays", "show", "hook").stdout
    assert shell.json("plays", "waiting", "--play", "hook", "--release")["done"]
    service.wait(lambda: len(receiver.effects) == 1)

    # Customers already in the segment: previewed, then messaged, and never twice.
    looked = shell.json("plays", "first", "hook", "--limit", "4")
    assert (looked["in_segments"], looked["looked_at"], looked["sent"]) == (6, 4, 4) and len(receiver.effects) == 1
    for _ in range(2):
        assert shell.json("plays", "first", "hook", "--limit", "4", "--send")["done"]
    service.wait(lambda: shell.json("plays", "show", "hook")["sent"] >= 5 and not shell.json("plays", "waiting"))
    assert len(receiver.effects) == 5

    # Coupons: loaded twice, used once each, and missing for the last message.
    codes = file.parent / "codes.txt"
    codes.write_text("A-1\nA-2\n")
    assert shell.json("coupons", "load", "back10", str(codes))["new"] == 2
    again = shell.json("coupons", "load", "back10", str(codes))
    assert (again["new"], again["known"]) == (0, 2)
    assert shell.json("plays", "start", "letter", "--file", str(file))["done"]
    service.change(MEMBERS[:3], seq=2)
    service.wait(lambda: shell.json("plays", "show", "letter")["dropped"] == {"coupon": 1})
    service.wait(lambda: len(postbox.mails) == 2)
    low = shell.run("coupons", "status")
    assert low.exit_code == 1 and "back10: 0 free, 2 given, 0 used, for letter" in low.stdout
    assert shell.json("plays", "report", "letter")["coupons"] == {"given": 2, "used": 0}

    for status in ("doubtful", "failed"):
        assert shell.json("plays", status) == []
    assert shell.json("plays", "pause", "hook")["done"] and shell.json("plays", "stop", "hook")["done"]
    assert shell.json("plays", "show", "hook")["status"] == "stopped"


def test_orders_from_a_machine_without_the_control_key_are_refused_aloud(
    service: ActService, shell: CommandLine, file: Path
) -> None:
    codes = file.parent / "codes.txt"
    codes.write_text("A-1\n")
    service.know(MEMBERS)
    service.environment["STREAMER_CONTROL_KEY"] = "the key of the service"
    service.start()
    stranger = CommandLine(file.parent, {**_settings(service), "STREAMER_CONTROL_KEY": "the key of somebody else"})
    friend = CommandLine(file.parent, _settings(service))
    friend.json("plays", "start", "hook", "--file", str(file))
    service.wait(lambda: "hook" in friend.json("plays", "list"))
    orders = ("plays pause hook", "plays stop hook", f"plays start hook --file {file}", f"coupons load back10 {codes}")
    for line in orders:
        done = stranger.run(*line.split())
        output = done.output.replace("\n", " ")
        assert done.exit_code == 1 and "rejected the command" in output and "needs the control key" in output, (
            line,
            output,
        )
        assert "done" not in done.stdout and "is paused" not in output and "is stopped" not in output
    assert friend.json("plays", "show", "hook")["status"] == "running" and friend.json("coupons", "status") == {}
    assert friend.json("plays", "pause", "hook")["done"]


WRONG = [
    ("plays check none.toml", 1, "cannot read none.toml"),
    ("plays start hook --approve -1", 2, "--approve"),
    ("plays start nothing --file {file}", 1, "does not declare the play nothing"),
    ("plays preview --days 0 --file {file}", 2, "--days"),
    ("plays test hook --file {file}", 2, "--customer"),
    ("plays test hook --customer nobody --file {file}", 1, "no such customer: nobody"),
    ("plays first hook", 1, "was never started"),
    ("plays first hook --limit 0", 2, "--limit"),
    ("plays first hook --limit 2001", 2, "--limit"),
    ("plays pause hook", 1, "was never started"),
    ("plays stop hook", 1, "was never started"),
    ("plays show hook", 1, "was never started"),
    ("plays report hook", 1, "was never started"),
    ("plays waiting --release --drop", 2, "--release and --drop exclude each other"),
    ("plays waiting --release", 1, "no matching message is waiting for a yes"),
    ("plays doubtful --release", 1, "no matching message is doubtful"),
    ("plays failed --drop --message x", 1, "no matching message is failed"),
    ("coupons load back10 none.txt", 1, "cannot read none.txt"),
    ("coupons load back/10 {file}", 2, "a name of letters, digits"),
    ("coupons status back10", 1, "no such coupon pool: back10"),
    ("publish outcome --customer ann --message m --outcome lost", 1, "outcome: Input should be"),
    ("publish consent --customer ann --marketing maybe", 2, "maybe"),
    ("publish profile", 2, "--customer"),
    ("publish subscription --customer ann", 2, "--list"),
]


def test_wrong_flags_are_named(service: ActService, shell: CommandLine, file: Path) -> None:
    service.know(())
    for line, code, text in WRONG:
        done = shell.run(*line.format(file=file).split())
        assert (done.exit_code, text in done.output.replace("\n", " ")) == (code, True), (line, done.output)
