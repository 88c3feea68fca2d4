"""Test that the same log yields the same bytes on every Python, for any hash order, and after every change.

A change that alters bytes on purpose updates the file with ``python -m digests --write`` (``tests/support``).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from digest_logs import LOGS, MISSING, import_log, shop_log
from digests import GOLDEN, Digests
from pythons import SUPPORTED, python, run

from schemas.control import CONTROL_TYPES
from schemas.events import EVENT_TYPES
from schemas.records import Record

EXPECTED: dict[str, Digests] = json.loads(GOLDEN.read_text())
KINDS = {"states", "changes", "memberships", "panel rows", "ledger", "documents"}


@pytest.mark.parametrize("name", LOGS)
def test_a_log_gives_the_bytes_it_gave(name: str) -> None:
    found = LOGS[name]()
    if found is None:
        pytest.skip(MISSING[name])
    assert found == EXPECTED[name]


@pytest.mark.parametrize("version", SUPPORTED)
def test_every_python_gives_the_same_bytes(version: str) -> None:
    found = json.loads(run(python(version), "-m", "digests"))
    assert found == {name: EXPECTED[name] for name in found}
    assert found.keys() >= EXPECTED.keys() - MISSING.keys()


def test_the_order_of_hashes_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in ("1", "2"):
        monkeypatch.setitem(os.environ, "PYTHONHASHSEED", seed)
        assert json.loads(run(Path(sys.executable), "-m", "digests", "shop")) == {"shop": EXPECTED["shop"]}


def test_every_kind_of_output_has_a_digest() -> None:
    assert EXPECTED.keys() == LOGS.keys()
    assert all(EXPECTED[name].keys() >= KINDS for name in ("shop", "import", "online retail"))
    assert all(EXPECTED[name].keys() >= {"dead letters", "records for other lanes"} for name in ("shop", "import"))


def test_every_type_of_record_has_a_digest() -> None:
    found = {*_types(shop_log()), *_types(import_log())}
    assert found >= CONTROL_TYPES
    assert EXPECTED["types"].keys() == EVENT_TYPES
    # Changes in another type have another digest.
    assert len(set(EXPECTED["types"].values())) == len(EVENT_TYPES)


def _types(records: list[Record]) -> Iterator[str]:
    for record in records:
        try:
            yield json.loads(record.value or b"")["type"]
        except (ValueError, KeyError):
            continue
