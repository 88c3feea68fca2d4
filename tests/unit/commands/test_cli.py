"""Test what all commands have in common: help, exit codes, errors in plain words."""

from __future__ import annotations

import errno
import json
import socket
import time
from pathlib import Path

import pytest
from command_line import Run

from schemas.errors import TransientError
from streamer import __main__ as entry
from streamer.commands import common

COMMANDS = (
    "demo",
    "up",
    "down",
    "status",
    "worker",
    "topics create",
    "topics check",
    "publish order",
    "publish refund",
    "publish view",
    "publish events",
    "import",
    "replay",
    "shop",
    "watch",
    "customer show",
    "segments list",
    "deadletters list",
    "deadletters show",
    "doctor",
    "schemas export",
)

NEED_SERVERS = (
    "watch",
    "worker",
    "topics create",
    "topics check",
    "publish order --customer 1 --total 5",
    "customer show 1",
    "segments list",
    "deadletters list",
    "deadletters show 0:1",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run: Run, command: str) -> None:
    result = run(*command.split(), "--help")
    assert result.exit_code == 0
    assert "Usage: streamer" in result.stdout or "Usage: root" in result.stdout


def test_without_a_command_the_help_is_shown(run: Run) -> None:
    result = run()
    assert result.exit_code == 2
    assert "streamer demo" in result.output


@pytest.mark.parametrize(
    "command", ["bogus", "watch --bogus", "publish order --customer 1", "worker --role nobody", "watch --limit 0"]
)
def test_wrong_flags_end_with_2(run: Run, command: str) -> None:
    result = run(*command.split())
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Usage" in result.stderr


@pytest.mark.parametrize("command", NEED_SERVERS)
def test_without_servers_it_says_how_to_get_them(run: Run, command: str) -> None:
    result = run(*command.split())
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "streamer up" in result.stderr
    assert "Traceback" not in result.output


def test_help_as_a_command_is_the_help_of_the_option(run: Run) -> None:
    assert "COMMAND [ARGS]" in run("help").stdout
    for words in ("segments", "segments preview"):
        by_command = run("help", *words.split())
        assert by_command.exit_code == 0
        assert f"streamer {words}" in by_command.stdout or f"root {words}" in by_command.stdout
        assert by_command.stdout.split() == run(*words.split(), "--help").stdout.split()


def test_help_for_a_command_that_is_not_there_names_those_that_are(run: Run) -> None:
    result = run("help", "segments", "delete")
    assert result.exit_code == 1
    assert "unknown command `segments delete`" in result.stderr and "preview" in result.stderr


def test_the_version_has_a_command_and_an_option(run: Run) -> None:
    assert run("version").stdout == run("--version").stdout != ""


def test_a_full_disk_is_reported_with_the_fix(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(home: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "kafka.draft")

    monkeypatch.setattr("streamer.embedded.status", full)
    result = run("status")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: the disk is full (kafka.draft)")
    assert "STREAMER_HOME" in result.stderr


def test_ctrl_c_before_a_command_begins_leaves_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("streamer.cli.main", interrupted)
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert ended.value.code == 130
    assert ended.value.__suppress_context__


@pytest.mark.parametrize("command", NEED_SERVERS)
def test_a_missing_broker_is_named_soon(run: Run, command: str) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets this port meanwhile
        address = f"127.0.0.1:{held.getsockname()[1]}"
        started = time.monotonic()
        result = run(*command.split(), env={"STREAMER_KAFKA": address, "STREAMER_REDIS": "redis://127.0.0.1:1/0"})
    assert time.monotonic() - started < 15
    assert result.exit_code == 1
    assert f"no Kafka at {address}" in result.stderr
    assert "streamer up" in result.stderr


def test_half_a_pair_asks_for_the_other_half(run: Run) -> None:
    result = run("watch", env={"STREAMER_KAFKA": "127.0.0.1:1"})
    assert result.exit_code == 1
    assert "STREAMER_REDIS" in result.stderr
    assert "set STREAMER_KAFKA" not in result.stderr


def test_a_wrong_setting_is_named(run: Run) -> None:
    result = run("status", env={"STREAMER_LANES": "many"})
    assert result.exit_code == 1
    assert "STREAMER_LANES" in result.stderr
    assert "whole number" in result.stderr


def test_status_of_a_home_that_never_was_makes_none(run: Run, tmp_path: Path) -> None:
    result = run("status", "--json")
    assert result.exit_code == 1, "without servers nothing works"
    answer = json.loads(result.stdout)
    assert answer["embedded"] == {"kafka_pid": None, "redis_pid": None, "kept": False, "addresses": None}
    assert not (tmp_path / "home").exists()


def test_down_with_nothing_to_stop_is_no_error(run: Run) -> None:
    result = run("down", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["stopped"] is False


def test_doctor_shows_settings_and_what_is_wrong(run: Run) -> None:
    secret = "a-secret-of-enough-length"
    result = run("doctor", "--json", env={"STREAMER_CONTROL_KEY": secret})
    assert result.exit_code == 1
    assert secret not in result.output
    answer = json.loads(result.stdout)
    by_name = {one["name"]: one for one in answer["settings"]}
    assert by_name["STREAMER_CONTROL_KEY"]["origin"] == "environment"
    assert by_name["STREAMER_LANES"]["origin"] == "default"
    assert answer["versions"]["streamer"]
    assert [finding["hint"] for finding in answer["findings"]] == [
        "run `streamer up`, or set STREAMER_KAFKA and STREAMER_REDIS"
    ]
    assert "WRONG" in run("doctor").stdout


def test_ctrl_c_ends_with_130_and_no_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("streamer.embedded.status", interrupted)
    result = run("status")
    assert result.exit_code == common.EXIT_INTERRUPTED
    assert result.stdout == ""


def test_a_server_that_stops_answering_is_no_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise TransientError("Kafka at x: it went away")

    monkeypatch.setattr("streamer.embedded.status", away)
    result = run("status")
    assert result.exit_code == 1
    assert "it went away" in result.stderr
    assert "Traceback" not in result.output


def test_no_color_is_heeded(run: Run) -> None:
    result = run("watch", env={"NO_COLOR": "1", "FORCE_COLOR": "1"})
    assert "\x1b[31m" not in result.stderr
    assert "\x1b[31m" in run("watch", env={"FORCE_COLOR": "1"}).stderr


def test_one_process_cannot_have_both_roles(run: Run) -> None:
    result = run("worker", "--role", "all", "--no-supervise")
    assert result.exit_code == 2


def test_schemas_are_written_for_each_type(run: Run, tmp_path: Path) -> None:
    result = run("schemas", "export", "out", "--json")
    assert result.exit_code == 0
    written = json.loads(result.stdout)["written"]
    assert {"order.completed", "product.viewed", "segment.changed"} <= set(written)
    schema = json.loads((tmp_path / "out" / "product.viewed.schema.json").read_text())
    assert schema["properties"]["type"]["const"] == "product.viewed"
    assert {"event_id", "customer_id", "occurred_at", "type"} <= set(schema["required"])
    changed = json.loads((tmp_path / "out" / "segment.changed.schema.json").read_text())
    assert {"from", "to"} <= set(changed["properties"])
