"""Colours and the stylesheet of charts, light and dark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final
from zlib import crc32

LIGHT: Final = ("#1c4c83", "#db841f", "#2b8966", "#ac2e71", "#6bb2e5", "#4b3179", "#c4bd31", "#9d5c40")
DARK: Final = ("#5594db", "#eebe87", "#48c597", "#dc7caf", "#c5e1f5", "#9578c8", "#edebb8", "#cd9b85")
"""Eight colours, light and dark, that differ in lightness for print and for colour-blind readers."""

FIXED: Final = (
    *("prospect", "new", "active", "loyal", "champion", "at_risk", "hibernating", "lost"),
    *("low", "medium", "high", "top"),
    *("applied", "left_out", "refused", "repeated"),
    *("orders", "refunds", "net"),
)
_INDEX: Final = {
    **{name: at for at, name in enumerate(FIXED[:8])},
    **{name: at for at, name in zip((4, 2, 1, 3), FIXED[8:12], strict=True)},
    **{name: at for at, name in zip((2, 4, 3, 6), FIXED[12:16], strict=True)},
    **{name: at for at, name in zip((0, 1, 2), FIXED[16:], strict=True)},
}


class Palette:
    """Assigns colours to the series on a page; built-in segments and equal sets of names always get the same colours.

    >>> palette = Palette(["loyal", "gold", "silver"])
    >>> palette["loyal"], palette["gold"] != palette["silver"], Palette(["silver", "gold"])["gold"] == palette["gold"]
    (3, True, True)
    """

    def __init__(self, names: Iterable[str], taken: Iterable[int] = ()) -> None:
        self._of: dict[str, int] = {}
        own = sorted({name for name in names if name not in _INDEX})
        taken = set(taken)
        for name in own:
            at = crc32(name.encode()) % len(LIGHT)
            # Take the next free colour, so that up to eight names of the shop's own differ.
            at = next((k % len(LIGHT) for k in range(at, at + len(LIGHT)) if k % len(LIGHT) not in taken), at)
            taken.add(at)
            self._of[name] = at

    @classmethod
    def of(cls, groups: Iterable[Sequence[str]]) -> Palette:
        """Assign colours to several segmentations, so that up to eight segments of one differ.

        >>> palette = Palette.of([["loyal", "new", "browsers", "occasional", "champions", "big-ticket"]])
        >>> len({palette[name] for name in ("loyal", "new", "browsers", "occasional", "champions", "big-ticket")})
        6
        """
        found = cls(())
        for names in groups:
            for name, colour in cls(names, {_INDEX[name] for name in names if name in _INDEX})._of.items():
                found._of.setdefault(name, colour)
        return found

    def __getitem__(self, name: str) -> int:
        return _INDEX[name] if name in _INDEX else self._of[name]


_FONT: Final = 'system-ui,"PingFang SC","Noto Sans SC","Microsoft YaHei",sans-serif'

STYLE: Final = (
    ":root{color-scheme:light dark}"
    "figure.chart{margin:0;container-type:inline-size}"
    "figure.chart figcaption{font-weight:600;margin:0 0 .4rem}"
    "figure.chart svg{display:block;width:100%;height:auto;overflow:visible}"
    "figure.chart svg.wide{max-width:770px}"
    "figure.chart svg.narrow{display:none;max-width:400px}"
    "@container (max-width:639px){figure.chart svg.wide{display:none}figure.chart svg.narrow{display:block}}"
    f"figure.chart text{{font:12px {_FONT};fill:light-dark(#222,#ddd)}}"
    "figure.chart text.number{font-variant-numeric:tabular-nums}"
    "figure.chart text.dim{fill:light-dark(#5c5c66,#a5a5b0)}"
    "figure.chart .rule{stroke:light-dark(#d9d9e0,#3c3c46);stroke-width:1;fill:none}"
    "figure.chart .leader{stroke:light-dark(#8a8a94,#8a8a94);stroke-width:1;fill:none}"
    "figure.chart .line{stroke-width:2;fill:none}"
    "figure.chart .ribbon{opacity:.35}"
    "figure.chart .spell{fill-opacity:.22;stroke:none}"
    "figure.chart .ahead{fill-opacity:.08;stroke-width:1;stroke-dasharray:3 3}"
    "figure.chart .dot{fill:light-dark(#222,#ddd)}"
    "figure.chart details{font-size:13px;margin:.4rem 0 0}"
    "figure.chart summary{min-height:24px;line-height:24px;cursor:pointer;width:fit-content}"
    "figure.chart .scroll{overflow-x:auto}"
    "figure.chart table{border-collapse:collapse}"
    "figure.chart :is(td,th){padding:.15rem .6rem .15rem 0;text-align:right;white-space:nowrap;font-weight:400;"
    "font-variant-numeric:tabular-nums}"
    "figure.chart tbody th{text-align:left;white-space:normal;overflow-wrap:anywhere}"
    + "".join(
        f".c{at}{{fill:light-dark({one},{other})}}.l{at}{{stroke:light-dark({one},{other})}}"
        for at, (one, other) in enumerate(zip(LIGHT, DARK, strict=True))
    )
)
