"""Format reasons of changes in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from models.messages import Messages

MOST_REASONS: Final = 4
"""Maximum number of reasons to list; the rest is only counted."""
ARROW: Final = "->"
"""Arrow for terminals, which may lack the arrow character of pages."""


def because_words(
    reasons: Sequence[Mapping[str, Any]], texts: Messages, most: int = MOST_REASONS, arrow: str = ARROW
) -> str:
    """Return the reasons of a change in one line, empty if there are none."""
    text = texts("between reasons").join(reason_words(reason, texts, arrow) for reason in reasons[:most])
    return text + (texts("more reasons", count=len(reasons) - most) if len(reasons) > most else "")


def reason_words(reason: Mapping[str, Any], texts: Messages, arrow: str = ARROW) -> str:
    """Format one reason of a change, with ``arrow`` between the value before and after."""

    def value(name: str) -> str:
        held = reason.get(name)
        return texts.member(reason["feature"], held) if isinstance(held, str) else number(held)

    before, after, feature = value("before"), value("after"), texts.feature(reason["feature"])
    text = f"{feature} {after}" if before == "-" else f"{feature} {before} {arrow} {after}"
    if reason.get("border") is not None:
        text += texts("border", border=value("border"))
    if reason.get("share") is not None:
        text += f" ({reason['share']:.0%})"
    return text


def number(value: float | str | None) -> str:
    """Format a feature's value for display.

    >>> number(61.2), number(0.0), number(None), number("high"), number(0.123456), number(1234567.0)
    ('61.2', '0', '-', 'high', '0.123', '1234567')
    """
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if value == int(value):
        return str(int(value))
    return (
        f"{value:.4g}"
        if abs(value) >= 1 and abs(value) < 10_000
        else f"{value:.3f}"
        if abs(value) < 1
        else f"{value:.2f}"
    )
