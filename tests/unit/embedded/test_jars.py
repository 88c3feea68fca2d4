"""Test the checksum lock of the Kafka jars."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from schemas.errors import UserError
from streamer.embedded.home import Progress
from streamer.embedded.jars import LOCK, class_path, read_lock


class Store:
    """A downloader with one jar, which counts the calls and restores a deleted jar."""

    def __init__(self, folder: Path, served: bytes = b"jar") -> None:
        self.path = folder / "one.jar"
        self.served = served
        self.requests = 0

    def __call__(self, progress: Progress) -> Sequence[Path]:
        self.requests += 1
        if not self.path.exists():
            self.path.write_bytes(self.served)
        return [self.path]


LOCKED = {"one.jar": hashlib.sha256(b"jar").hexdigest()}


@pytest.fixture(autouse=True)
def _no_maven_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    # A damaged jar is also removed from the user's Maven cache; never from the developer's own.
    monkeypatch.setattr("streamer.embedded.jars._copies", lambda name: [])


def test_second_call_asks_nobody(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first = class_path(cache=tmp_path / "cache", lock=LOCKED, resolve=store)
    assert class_path(cache=tmp_path / "cache", lock=LOCKED, resolve=store) == first == (store.path,)
    assert store.requests == 1


def test_cut_off_download_is_fetched_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.path.write_bytes(b"ja")
    assert class_path(cache=tmp_path / "cache", lock=LOCKED, resolve=store) == (store.path,)
    assert store.path.read_bytes() == b"jar"


def test_changed_jar_is_noticed_after_it_was_checked(tmp_path: Path) -> None:
    store = Store(tmp_path)
    class_path(cache=tmp_path / "cache", lock=LOCKED, resolve=store)
    store.path.write_bytes(b"rat")  # same size
    os.utime(store.path, ns=(1, 1))
    store.served = b"rat"
    with pytest.raises(UserError, match=r"one\.jar"):
        class_path(cache=tmp_path / "cache", lock=LOCKED, resolve=store)


def test_wrong_content_from_the_mirror_is_an_error_with_the_mend(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"differ from the ones .* one\.jar") as refused:
        class_path(cache=tmp_path / "cache", lock=LOCKED, resolve=Store(tmp_path, b"evil"))
    assert "delete" in refused.value.hint


@pytest.mark.parametrize("lock", [{}, LOCKED | {"two.jar": "00"}], ids=["a jar too many", "a jar too few"])
def test_other_set_of_jars_is_an_error(tmp_path: Path, lock: dict[str, str]) -> None:
    with pytest.raises(UserError):
        class_path(cache=tmp_path / "cache", lock=lock, resolve=Store(tmp_path))


def test_shipped_lock_names_each_jar_and_no_address() -> None:
    text = LOCK.read_text()
    lock = read_lock(text)
    assert len(lock) == 46
    assert "kafka_2.13-4.1.1.jar" in lock
    assert all(len(digest) == 64 for digest in lock.values())
    assert "/" not in text
