"""Convert the builder's draft to form fields and back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from models.features.features import FEATURES, LABELS
from models.messages import Messages
from models.rules.draft import (
    JOINS,
    KNOWN_OPS,
    MOST_ROWS,
    MOST_TESTS,
    OPS,
    WORD_OPS,
    Comparison,
    Draft,
    Row,
    field,
    same_id,
    tidy,
)
from models.rules.draft_checks import Fault
from models.rules.draft_reading import known_names
from schemas.toml_text import tables
from streamer.web.console.errors import fault_text, said

MOST_BYTES: Final = 1_000_000
"""Maximum size of the form: a file may have 200,000 bytes, and some take three in a form."""
MOST_FIELDS: Final = MOST_ROWS * (8 + 4 * MOST_TESTS) + 20
_SIGNS: Final = {">=": "≥", "<=": "≤", "!=": "≠"}
_ROW: Final = re.compile(r"r(\d{1,3})\.")


def draft_from(values: Mapping[str, str]) -> Draft:
    """Read a draft from a form, ignoring unknown fields."""
    count = min(MOST_ROWS, 1 + max((int(found[1]) for name in values if (found := _ROW.match(name))), default=0))
    return tidy(
        Draft(
            values.get("name", ""),
            "bands" if values.get("kind") == "bands" else "rules",
            tuple(_row(at, values) for at in range(count)),
            values.get("dwell_days", "0"),
            values.get("feature", ""),
            values.get("active") == "yes",
        )
    )


def _row(at: int, values: Mapping[str, str]) -> Row:
    def of(name: str, usual: str = "") -> str:
        return values.get(field(at, name), usual)

    tests = []
    for place in range(MOST_TESTS):
        if field(at, "op", place) in values:
            parts = [values.get(field(at, name, place), "") for name in ("feature", "op", "value", "exit")]
            tests.append(Comparison(*parts))
    return Row(
        of("name"),
        of("id"),
        of("meaning"),
        of("join") if of("join") in JOINS else "and",
        tuple(tests),
        values.get(field(at, "text")),
        of("enter"),
        of("exit"),
    )


def shown(draft: Draft, faults: Iterable[Fault], texts: Messages) -> dict[str, Any]:
    """Return the draft for the template: rows with their index, and faults by field."""
    wrong: dict[str, str] = {}
    for one in faults:
        sentence = fault_text(one.text, texts).replace("\\n", "\n").splitlines()[0]
        if one.hint:
            sentence = texts("console fault hint", fault=sentence, hint=said(one.hint, texts))
        wrong.setdefault(one.field, sentence)
    last = len(draft.rows) - 1
    return {
        "draft": draft,
        "rows": [
            {
                "at": at,
                "row": row,
                "rest": draft.kind == "rules" and at == last,
                "lowest": draft.kind == "bands" and at == 0,
                "shared": same_id(draft.rows, at),
            }
            for at, row in enumerate(draft.rows)
        ],
        "wrong": wrong,
        "field": field,
        "most_tests": MOST_TESTS,
    }


def choices(text: str, besides: str, feature: str, currency: str, texts: Messages) -> dict[str, Any]:
    """Return the builder's choices: a file's features and segmentations by group, operators, and suggested words."""
    known = known_names(tables(text, "the file", ""), besides)
    others = {name: words for name, words in known.labels.items() if name not in LABELS}
    numbers = [(name, _called(name, currency, texts)) for name in FEATURES]
    return {
        "groups": [
            (texts("console builder numbers"), numbers),
            (texts("console builder words"), [(name, texts.feature(name)) for name in LABELS]),
            (texts("console builder segmentations"), [(name, texts.segmentation(name)) for name in others]),
        ],
        "ops": [
            *((op, _SIGNS.get(op, op)) for op in OPS),
            *((op, texts(f"console builder {op}")) for op in (*WORD_OPS, *KNOWN_OPS)),
        ],
        "possible": {name: sorted(words) for name, words in others.items() if words},
        "features": numbers if feature in FEATURES or not feature else [*numbers, (feature, feature)],
        "joins": [(join, texts(f"console builder {join}")) for join in JOINS],
    }


def _called(name: str, currency: str, texts: Messages) -> str:
    """Return a feature's name with its unit.

    >>> from models.messages import messages
    >>> _called("recency_days", "EUR", messages()), _called("spend", "EUR", messages())
    ('recency_days', 'spend (EUR)')
    """
    called, unit = texts.feature(name), FEATURES[name].unit
    label = currency if unit == "money" else texts.unit(unit)
    return called if not label or name == unit or label in called else f"{called} ({label})"
