from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.customer.dedupe import BLOCK, DIGEST, SLOTS, WINDOW, DedupeWindow, digest, holds
from schemas.errors import InvariantViolation


def dedupe_window_of(count: int) -> DedupeWindow:
    dedupe_window = DedupeWindow()
    for number in range(count):
        dedupe_window.add(digest(f"e{number}"))
    return dedupe_window


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 511, 512, 513, 575, 576, 577, 2_000])
def test_remembers_at_least_the_window_and_not_much_more(count: int) -> None:
    dedupe_window = dedupe_window_of(count)
    kept = len(dedupe_window.ids) // DIGEST
    assert min(count, WINDOW) <= kept <= min(count, WINDOW + BLOCK - 1)
    for number in range(max(0, count - WINDOW), count):
        assert holds(dedupe_window.ids, digest(f"e{number}"))
    if count > WINDOW + BLOCK:
        assert not holds(dedupe_window.ids, digest("e0"))


def test_a_digest_across_two_ids_is_not_held() -> None:
    one, two = b"abcdefgh", b"ijklmnop"
    assert holds(one + two, two)
    assert not holds(one + two, b"efghijkl")
    assert holds(one + b"xxxxxabc" + b"defghyyy" + b"abcdefgh", b"abcdefgh")
    assert not holds(b"", one)


@given(st.lists(st.integers(0, 300), max_size=8))
def test_parts_written_batch_after_batch_give_the_same_ring(batches: list[int]) -> None:
    dedupe_window, slots, written = DedupeWindow(), dict[int, bytes](), 0
    number = 0
    for batch in batches:
        for _ in range(batch):
            dedupe_window.add(digest(str(number)))
            number += 1
        slots |= dedupe_window.sealed_since(written)
        written = dedupe_window.total
        again = DedupeWindow.of(dedupe_window.total, dedupe_window.open_block(), slots)
        assert (again.total, again.ids) == (dedupe_window.total, dedupe_window.ids)
        assert len(slots) <= SLOTS


def test_a_loaded_ring_goes_on_like_the_one_that_was_never_put_away() -> None:
    for start in (63, 64, 512, 575, 576, 700):
        dedupe_window = dedupe_window_of(start)
        again = DedupeWindow.of(dedupe_window.total, dedupe_window.open_block(), dedupe_window.sealed_since(0))
        for number in range(200):
            dedupe_window.add(digest(f"x{number}"))
            again.add(digest(f"x{number}"))
            assert again.ids == dedupe_window.ids


def test_a_missing_or_damaged_block_is_noticed() -> None:
    dedupe_window = dedupe_window_of(200)
    blocks = dedupe_window.sealed_since(0)
    assert set(blocks) == {0, 1, 2}
    with pytest.raises(InvariantViolation, match="missing"):
        DedupeWindow.of(200, dedupe_window.open_block(), {slot: block for slot, block in blocks.items() if slot != 1})
    with pytest.raises(InvariantViolation, match="size"):
        DedupeWindow.of(200, dedupe_window.open_block(), blocks | {1: b"short"})
    with pytest.raises(InvariantViolation, match="size"):
        DedupeWindow.of(200, dedupe_window.open_block()[:-1], blocks)
