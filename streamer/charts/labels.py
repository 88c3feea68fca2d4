"""Layout of texts in charts: width, line breaks, and placement without overlap."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from html import escape
from typing import Final

SIZE: Final = 12.0
LINE: Final = 16.0
"""Height of a line of text, px."""

_NARROW: Final = frozenset(" .,:;'|!iIjlft()[]{}-/\\")
_WIDE: Final = frozenset("mwMW@%&—…")


def width(text: str) -> float:
    """Estimate the width of a text in px, generously because fonts differ.

    >>> width("At risk") < width("Hibernating") < width("12 345 678.90 EUR"), width("有流失风险") == 5 * SIZE
    (True, True)
    """
    return sum(_em(sign) for sign in text) * SIZE


def _em(sign: str) -> float:
    if sign in _NARROW:
        return 0.4
    if sign in _WIDE:
        return 1.0
    if sign.isascii():
        return 0.73 if sign.isupper() else 0.61
    if unicodedata.combining(sign) or unicodedata.category(sign) in ("Cf", "Mn", "Me"):
        return 0.0
    return 1.0 if unicodedata.east_asian_width(sign) in "WF" else 0.75


def broken(text: str, room: float) -> list[str]:
    """Break a text into lines of at most ``room`` px, at blanks or else within a word; nothing is cut.

    >>> broken("Customers who came back", 90.0)
    ['Customers', 'who came', 'back']
    """
    lines: list[str] = []
    for word in text.split(" "):
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and width(joined) <= room:
            lines[-1] = joined
            continue
        while width(word) > room and len(word) > 1:
            fits = next((at for at in range(len(word), 1, -1) if width(word[:at]) <= room), 1)
            lines.append(word[:fits])
            word = word[fits:]
        lines.append(word)
    return [line for line in lines if line] or [""]


def spread(wanted: Sequence[float], sizes: Sequence[float], low: float, high: float) -> list[float]:
    """Return the centres of labels as close as possible to the wanted positions, in that order, without overlap.

    Parameters
    ----------
    wanted
        Centres, ascending.
    sizes
        Size of each label.
    low, high
        Lower bound for the first label and upper bound for the last; labels that do not fit extend beyond ``high``.

    >>> spread([10, 12, 50], [16, 16, 16], 0, 100)
    [8.0, 24.0, 50.0]
    """
    # Labels do not overlap if their starts, minus those of a pile without gaps, never decrease: isotonic regression, by
    # pooling adjacent violators (Ayer et al. 1955).
    before = [sum(sizes[:at]) for at in range(len(sizes))]
    pools: list[tuple[float, int]] = []
    for centre, size, above in zip(wanted, sizes, before, strict=True):
        mean, count = centre - size / 2 - above, 1
        while pools and pools[-1][0] > mean:
            other, number = pools.pop()
            mean, count = (mean * count + other * number) / (count + number), count + number
        pools.append((mean, count))
    most = max(low, high - sum(sizes))
    starts = [min(max(mean, low), most) for mean, count in pools for _ in range(count)]
    return [start + above + size / 2 for start, above, size in zip(starts, before, sizes, strict=True)]


def text(x: float, y: float, value: str, *, anchor: str = "start", kind: str = "") -> str:
    """Draw a text; ``y`` is the middle of its line."""
    at = "" if anchor == "start" else f' text-anchor="{anchor}"'
    name = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y + SIZE * 0.36:.1f}"{at}{name}>{escape(value)}</text>'


def paragraph(x: float, top: float, lines: Sequence[str], *, anchor: str = "start", kind: str = "") -> str:
    """Draw lines of text, one below the other; the first begins at ``top``."""
    return "".join(text(x, top + LINE * (at + 0.5), line, anchor=anchor, kind=kind) for at, line in enumerate(lines))
