"""Test forms with a file as they arrive: in pieces of any size, hostile, too large; and leftovers of uploads."""

from __future__ import annotations

import asyncio
import stat
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from schemas.errors import UserError
from streamer.web.console import uploads
from streamer.web.console.multipart import FormWithFile, TooLarge, WrongForm, file_name
from streamer.web.console.uploads import KEPT_SECONDS, MOST_KEPT, Uploads

BODY = b"order,total\r\n1,2\r\n--x\r\n" + bytes(range(256)) * 40


def form(csrf: str = "right", name: str = "orders.csv", body: bytes = BODY) -> bytes:
    return (
        (
            f'--edge\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n{csrf}\r\n'
            f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: text/csv\r\n\r\n'
        ).encode()
        + body
        + b"\r\n--edge--\r\n"
    )


def read(folder: Path, sent: bytes, size: int = 1_000_000, most: int = 1_000_000, kind: str = "") -> FormWithFile:
    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(sent), size):
            yield sent[at : at + size]

    found = FormWithFile(
        kind or "multipart/form-data; boundary=edge",
        lambda fields: fields.get("csrf") == "right",
        lambda name: folder / name,
        most,
    )
    asyncio.run(found.read(pieces()))
    return found


@pytest.mark.parametrize("size", [1, 7, 100, 1_000_000])
def test_a_file_arrives_byte_for_byte_for_its_owner_only(tmp_path: Path, size: int) -> None:
    found = read(tmp_path, form(), size)
    assert found.file == tmp_path / "orders.csv" and found.file.read_bytes() == BODY and found.bytes == len(BODY)
    assert stat.S_IMODE(found.file.stat().st_mode) == 0o600


def test_nothing_is_written_for_a_form_of_somebody_else(tmp_path: Path) -> None:
    for sent in (form(csrf="wrong"), form()[form().index(b'--edge\r\nContent-Disposition: form-data; name="file"') :]):
        with pytest.raises(WrongForm):
            read(tmp_path, sent)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (b"", ""),
        (b"rubbish", ""),
        (form()[:300], "multipart/form-data"),
        (form(), "application/x-www-form-urlencoded"),
        (form(body=b""), ""),
        (form().replace(b"right", b"right" * 5_000), ""),
        (form().replace(b"Content-Type", b"x" * 20_000), ""),
        (form().replace(b"Content-Type: text/csv", b"\r\n".join(b"x%d: y" % n for n in range(50))), ""),
        (
            b"".join(b'--edge\r\nContent-Disposition: form-data; name="x%d"\r\n\r\n\r\n' % n for n in range(50))
            + form(),
            "",
        ),
        (form() + form(name="second.csv")[2:], "multipart/form-data; boundary=other"),
    ],
    ids=[
        "nothing",
        "rubbish",
        "no boundary",
        "no file form",
        "empty file",
        "long field",
        "long header",
        "many headers",
        "many fields",
        "other boundary",
    ],
)
def test_what_is_no_form_with_a_file_is_refused(tmp_path: Path, sent: bytes, kind: str) -> None:
    with pytest.raises(WrongForm):
        read(tmp_path, sent, kind=kind)


def test_a_file_that_is_too_large_is_not_read_on(tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        read(tmp_path, form(), 100, most=500)
    assert (tmp_path / "orders.csv").stat().st_size <= 600


@pytest.mark.parametrize(
    "given",
    ["../../etc/passwd", "C:\\x\\y.csv", "a/../b.csv", "\x00.csv", "-rf.csv", "x" * 500 + ".csv", "..", "", "a\nb.csv"],
)
def test_a_name_never_leads_out_of_the_folder(tmp_path: Path, given: str) -> None:
    name = file_name(given)
    assert (tmp_path / name).resolve().parent == tmp_path.resolve() and len(name) < 120 and name[0] not in "-."


@pytest.mark.parametrize("name", ["订" * 300 + ".csv", "订" * 300, "a." + "订" * 300, "𐎠" * 300 + ".xlsx"])
def test_a_long_name_of_any_script_can_be_kept(tmp_path: Path, name: str) -> None:
    found = read(tmp_path, form(name=name))
    assert found.file is not None and found.file.is_file() and len(found.file.name.encode()) <= 230


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the file cannot be saved"):
        read(tmp_path / "gone", form())


def test_old_uploads_and_those_too_many_are_deleted(tmp_path: Path) -> None:
    made, now = Uploads(tmp_path), time.time()
    ids = [made.begin(10) for _ in range(MOST_KEPT + 3)]
    for at, id in enumerate(ids):
        made.place(id, "a.csv").write_text("x")
        made._save(replace(made.keep(id, "a.csv", 1), at=now - at, stage="import" if at == 0 else "checked"))
    made._save(replace(made.all()[1], at=now - KEPT_SECONDS - 1))
    assert stat.S_IMODE(made.folder.stat().st_mode) == 0o700
    (made.folder / "f00").mkdir()
    again = Uploads(tmp_path)
    again.recover()
    assert ids[1] not in [one.id for one in again.all()] and not (made.folder / "f00").exists()
    first = again.get(ids[0])
    assert first is not None and first.stage == "cancelled", "the command of a process that is gone is not ours"
    last = again.begin(10)
    assert len(again.all()) < MOST_KEPT and again.get("../x") is None and again.get(last) is None
    again.delete(ids[0])
    assert again.get(ids[0]) is None
    with pytest.raises(TooLarge):
        again.begin(1 << 60)


def test_a_button_that_is_pressed_twice_starts_one_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[object] = []
    run = asyncio.create_subprocess_exec

    async def sleeping(*arguments: object, **more: object) -> asyncio.subprocess.Process:
        begun.append(arguments)
        return await run("sleep", "30")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", sleeping)

    async def press() -> None:
        made = Uploads(tmp_path)
        id = made.begin(1)
        upload = made.keep(id, "a.csv", 1)
        await asyncio.gather(*(made.start(upload, "import", "", {}) for _ in range(3)))
        await made.close()
        ended = made.get(id)
        assert ended is not None and ended.stage == "cancelled"

    asyncio.run(press())
    assert len(begun) == 1


def test_uploads_are_deleted_after_a_day_though_nobody_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "_LOOK_SECONDS", 0.01)

    async def wait() -> None:
        made, now = Uploads(tmp_path), time.time()
        old, young = made.begin(1), made.begin(1)
        made._save(replace(made.keep(old, "a.csv", 1), at=now - KEPT_SECONDS - 1))
        made.keep(young, "a.csv", 1)
        following = asyncio.ensure_future(made.follow())
        async with asyncio.timeout(5):
            while (made.folder / old).exists():
                await asyncio.sleep(0.01)
        following.cancel()
        assert [one.id for one in made.all()] == [young]

    asyncio.run(wait())


def test_a_command_whose_end_cannot_be_written_does_not_run_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = asyncio.create_subprocess_exec

    async def ending(*arguments: object, **more: object) -> asyncio.subprocess.Process:
        return await run("true")

    def full(upload: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", ending)

    async def press() -> str:
        made = Uploads(tmp_path)
        upload = made.keep(made.begin(1), "a.csv", 1)
        await made.start(upload, "check", "", {})
        monkeypatch.setattr(made, "_save", full)
        await made.close()
        found = made.get(upload.id)
        assert found is not None
        return found.stage

    assert asyncio.run(press()) == "cancelled"


def test_what_a_command_says_names_files_and_not_our_folders(tmp_path: Path) -> None:
    made = Uploads(tmp_path)
    upload = replace(made.keep(made.begin(1), "a.csv", 1), work="import")
    other = made.place(made.begin(1), "b.csv")
    log = made.folder / upload.id / "import.log"
    log.write_text(
        f"error: {made.place(upload.id, 'a.csv')} was already imported, as {other}\n{log.parent}/check.html\n"
    )
    assert made.output(upload) == ["error: a.csv was already imported, as b.csv", "check.html"]
