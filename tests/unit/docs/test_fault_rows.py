"""Test that the rows of ``make faults`` name existing tests, because a renamed test would silently drop its row."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from fault_rows import FAULTS

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("test", sorted({test for row in FAULTS for test in row.tests}))
def test_a_row_names_a_test_that_exists(test: str) -> None:
    file, _, name = test.partition("::")
    names = {node.name for node in ast.walk(ast.parse((ROOT / file).read_text())) if isinstance(node, ast.FunctionDef)}
    assert not name or name in names
