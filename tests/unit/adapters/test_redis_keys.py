"""Test the contract with Redis: what releases share, and that a change of it requires a new layout."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

from streamer.adapters import redis_keys
from streamer.adapters.redis import write_arguments
from streamer.adapters.redis_keys import LAYOUT, LaneKeys, library, own_token, stored_token
from streamer.lanes.ports import Stored, Update

# A different digest means that a worker of the release with this layout could not run beside yours. Raise LAYOUT and
# add the new digest; within an unreleased layout, replace its digest.
DIGESTS = {2: "c7cf434e8c3025de"}

UPDATE = Update(
    {
        "ann": Stored({"": b"core", "o": b"book"}, b"{}", 5, "imp", True, True),
        "bob": Stored({"a": b"x"}, None, None, ""),
        "cem": None,
    },
    b"ledger",
    {"value/low": 2},
    {"1": b"model"},
    ["imp"],
    {2: b"toml"},
    {"hash": b"[1,2]"},
)


def test_a_changed_contract_has_a_new_layout() -> None:
    keys = [LaneKeys("shop", 3).parts("17"), LaneKeys("", 0).due("imp"), stored_token("l:1")]
    contract = repr((library(), keys, write_arguments("before", "after", UPDATE)))
    assert sha256(contract.encode()).hexdigest()[:16] == DIGESTS[LAYOUT]


def test_releases_share_documents_and_token_and_nothing_else() -> None:
    ours, next = LaneKeys("shop", 3), LaneKeys("shop", 3, LAYOUT + 1)
    assert ours.document("17") == next.document("17") == "shop:{3}:customer:17"
    assert ours.token == next.token == "shop:{3}:token"
    assert LaneKeys("", 3).document("17") == "streamer:{3}:customer:17", "documented"
    names = ("ledger", "ids", "models", "definitions", "erased")
    mine, theirs = ([getattr(keys, name) for name in names] + [keys.parts("17"), keys.due("")] for keys in (ours, next))
    assert not set(mine) & set(theirs)
    assert all(re.match(r"shop:\{3\}:v\d+:", key) for key in mine + theirs)


def test_each_layout_has_functions_of_its_own() -> None:
    def names(layout: int) -> set[str]:
        return set(re.findall(r"streamer_v\d+\w*", library(layout)))

    assert len(names(LAYOUT)) == 3 and not names(LAYOUT) & names(LAYOUT + 1)


def test_the_token_of_another_layout_is_none() -> None:
    assert own_token(stored_token("l:1", 2), 2) == "l:1"
    for other in (stored_token("l:1", 3), stored_token("l:1", 22), "l:1", "restoring:x:1:2", ""):
        assert own_token(other, 2) is None


def test_no_other_file_spells_a_key() -> None:
    """All keys of a lane begin with its number in braces, the hash tag, and a colon; an f-string doubles the braces."""
    root = Path(redis_keys.__file__).parents[2]
    files = [*root.glob("streamer/**/*.py"), *root.glob("streamer/**/*.lua"), *root.glob("benchmarks/*.py")]
    assert len(files) > 100
    assert [file.name for file in files if "{{{" in file.read_text("utf-8") and "}}}:" in file.read_text("utf-8")] == []
    assert "}}}" in Path(redis_keys.__file__).read_text("utf-8"), "still spelled so"
