from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.customer.ring import BLOCK, DIGEST, SLOTS, WINDOW, Ring, digest, holds
from schemas.errors import InvariantViolation


def ring_of(count: int) -> Ring:
    ring = Ring()
    for number in range(count):
        ring.add(digest(f"e{number}"))
    return ring


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 511, 512, 513, 575, 576, 577, 2_000])
def test_remembers_at_least_the_window_and_not_much_more(count: int) -> None:
    ring = ring_of(count)
    kept = len(ring.ids) // DIGEST
    assert min(count, WINDOW) <= kept <= min(count, WINDOW + BLOCK - 1)
    for number in range(max(0, count - WINDOW), count):
        assert holds(ring.ids, digest(f"e{number}"))
    if count > WINDOW + BLOCK:
        assert not holds(ring.ids, digest("e0"))


def test_a_digest_across_two_ids_is_not_held() -> None:
    one, two = b"abcdefgh", b"ijklmnop"
    assert holds(one + two, two)
    assert not holds(one + two, b"efghijkl")
    assert holds(one + b"xxxxxabc" + b"defghyyy" + b"abcdefgh", b"abcdefgh")
    assert not holds(b"", one)


@given(st.lists(st.integers(0, 300), max_size=8))
def test_parts_written_batch_after_batch_give_the_same_ring(batches: list[int]) -> None:
    ring, slots, written = Ring(), dict[int, bytes](), 0
    number = 0
    for batch in batches:
        for _ in range(batch):
            ring.add(digest(str(number)))
            number += 1
        slots |= ring.sealed_since(written)
        written = ring.total
        again = Ring.of(ring.total, ring.open_block, slots)
        assert (again.total, again.ids) == (ring.total, ring.ids)
        assert len(slots) <= SLOTS


def test_a_loaded_ring_goes_on_like_the_one_that_was_never_put_away() -> None:
    for start in (63, 64, 512, 575, 576, 700):
        ring = ring_of(start)
        again = Ring.of(ring.total, ring.open_block, ring.sealed_since(0))
        for number in range(200):
            ring.add(digest(f"x{number}"))
            again.add(digest(f"x{number}"))
            assert again.ids == ring.ids


def test_a_missing_or_damaged_block_is_noticed() -> None:
    ring = ring_of(200)
    blocks = ring.sealed_since(0)
    assert set(blocks) == {0, 1, 2}
    with pytest.raises(InvariantViolation, match="missing"):
        Ring.of(200, ring.open_block, {slot: block for slot, block in blocks.items() if slot != 1})
    with pytest.raises(InvariantViolation, match="size"):
        Ring.of(200, ring.open_block, blocks | {1: b"short"})
    with pytest.raises(InvariantViolation, match="size"):
        Ring.of(200, ring.open_block[:-1], blocks)
