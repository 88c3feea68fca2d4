from __future__ import annotations

import pytest

from models.behaviour.panel import PanelRow, decode, encode, in_panel, shift_for
from schemas.errors import InvariantViolation

IDS = [f"customer-{i}" for i in range(20_000)]


def test_panels_are_nested_and_halve_each_time() -> None:
    panels = [{c for c in IDS if in_panel(c, shift)} for shift in range(6)]
    assert len(panels[0]) == len(IDS)
    for shift in range(1, 6):
        assert panels[shift] < panels[shift - 1]
        assert len(panels[shift]) == pytest.approx(len(IDS) / 2**shift, rel=0.1)


@pytest.mark.parametrize("customers", [1, 1_999, 2_000, 3_999, 4_000, 100_000, 10_000_000])
def test_the_panel_has_between_the_target_and_twice_as_many(customers: int) -> None:
    shift = shift_for(customers)
    assert customers < 4_000 if shift == 0 else 2_000 <= customers / 2**shift < 4_000


def test_rows_travel() -> None:
    row = PanelRow("ann", 20_000, b"\x01abc")
    assert decode(encode(row)) == row
    for bad in (b"", b"\xc1", b"\x93\xa3ann\xa1x\xc4\x00"):
        with pytest.raises(InvariantViolation):
            decode(bad)
