"""Test which port the web process gets, and how others find it, without servers."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.errors import UserError
from streamer.client import presence
from streamer.config.settings import Settings
from streamer.web.listen import listen, port_of, url_of

HOLDS = """
import sys
from pathlib import Path
from streamer.client.presence import noted
with noted(Path(sys.argv[1]), "http://127.0.0.1:1"):
    print("noted", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def taken() -> Iterator[int]:
    """Hold a port, as another program would."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def test_a_taken_port_gives_way_unless_somebody_asked_for_it(
    tmp_path: Path, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = Settings.load({"web_port": taken, "home": tmp_path}, environ={})
    with pytest.raises(UserError, match=f"port {taken} is in use by another program"):
        listen(wanted)
    monkeypatch.setattr(Settings.model_fields["web_port"], "default", taken)
    monkeypatch.setattr(wanted, "_found", {})
    with listen(wanted) as opened:
        assert port_of(opened) not in (0, taken)
        assert url_of(wanted, opened) == f"http://127.0.0.1:{port_of(opened)}"
        # It listens at once, so a link works before the application is up.
        socket.create_connection(opened.getsockname(), timeout=5).close()


def test_an_address_that_is_not_ours_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot listen on"):
        listen(Settings.load({"web_host": "192.0.2.1", "home": tmp_path}, environ={}))


def test_no_part_of_an_answer_waits_until_the_client_acknowledges_the_part_before(tmp_path: Path) -> None:
    async def sends_at_once() -> int:
        accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def note(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            of_client = writer.get_extra_info("socket")
            accepted.set_result(of_client.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        with listen(Settings.load({"web_port": port, "home": tmp_path}, environ={})) as opened:
            async with await asyncio.start_server(note, sock=opened):
                with socket.create_connection(opened.getsockname(), timeout=5):
                    return await asyncio.wait_for(accepted, 5)

    assert asyncio.run(sends_at_once()) != 0


def test_a_note_holds_as_long_as_its_process_however_that_ends(tmp_path: Path) -> None:
    assert presence.url_of(tmp_path) is None
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == "noted\n"
        assert presence.url_of(tmp_path) == "http://127.0.0.1:1"
        with (
            pytest.raises(UserError, match="already running"),
            presence.noted(tmp_path, "http://127.0.0.1:2"),
        ):
            pass
        with pytest.raises(UserError, match="already running"):
            listen(Settings.load({"home": tmp_path}, environ={}))
        other.kill()
    assert presence.url_of(tmp_path) is None
    with presence.noted(tmp_path, "http://127.0.0.1:3"):
        assert presence.url_of(tmp_path) == "http://127.0.0.1:3"
    assert presence.url_of(tmp_path) is None
