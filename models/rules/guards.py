"""Guards, the rules evaluated before all others: unknown data first, then too little evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from models.rules.conditions import Negation, Some
from models.rules.expressions import Known
from models.rules.reader import Reader
from models.rules.segmentation import Rule


def read_guards(reader: Reader, name: str, table: Mapping[str, Any], ids: set[str], known: Known) -> tuple[Rule, ...]:
    """Read the guards of the segmentation ``name``, in the order of evaluation."""
    found = []
    if (table_of := table.get("unknown")) is not None:
        line = reader.lines.of(name, "unknown")
        segment = _guard_segment(reader, name, "unknown", table_of, ("segment", "without"), ids)
        without = table_of.get("without")
        if not isinstance(without, list) or not without or not all(isinstance(one, str) for one in without):
            reader.fail(line, f"unknown of {name} names no features", 'for example without = ["country"]')
        parts = [Negation(reader.condition(f"known({one})", line, known)) for one in without]
        found.append(Rule(segment, parts[0] if len(parts) == 1 else Some(tuple(parts))))
    if (table_of := table.get("new")) is not None:
        line = reader.lines.of(name, "new")
        segment = _guard_segment(reader, name, "new", table_of, ("segment", "until"), ids)
        found.append(Rule(segment, Negation(reader.condition(table_of.get("until"), line, known))))
    return tuple(found)


def _guard_segment(reader: Reader, name: str, key: str, table_of: Any, keys: Sequence[str], ids: set[str]) -> str:
    if not isinstance(table_of, dict):
        reader.fail(reader.lines.of(name, key), f"{key} of {name} must be a table", "see docs/segmentations.md")
    reader.check_keys(table_of, keys, (name, key), f"{key}")
    return reader.known_segment(name, table_of.get("segment", key), ids, reader.lines.of(name, key))
