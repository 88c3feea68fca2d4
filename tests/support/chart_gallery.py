"""Provide a chart of each kind, with figures and names that are hard to draw; shared by the tests of charts."""

from __future__ import annotations

from streamer.charts import (
    STYLE,
    Bar,
    Chart,
    Flow,
    Mark,
    Palette,
    Scale,
    Series,
    Share,
    Span,
    Spell,
    Track,
    bars,
    columns,
    flows,
    intervals,
    lines,
    shares,
    spells,
)

LONG = "A very long name of a segment that somebody wrote by hand and that does not fit anywhere at all"
CHINESE = "极其冗长的分群名称由店主亲自填写完全放不进任何地方去也不会断行"
MONTHS = [f"{year}-{month:02d}" for year in (2022, 2023, 2024) for month in range(1, 13)]


def money(value: float) -> str:
    """Format an amount as pages do."""
    return f"{value:,.0f}"


def gallery(names: list[str] | None = None) -> list[Chart]:
    """Return charts with these names."""
    names = names or ["Champion", "At risk", LONG, CHINESE, "Lost", "<script>alert(1)</script>", "W" * 60]
    palette = Palette(names)
    values = [379.0, 4.0, 81.0, 0.0, 104.0, 1.0, 12_345_678.0]
    pairs = list(zip(names, values, strict=False))
    return [
        bars("Bars", [Bar(name, value, f"{value:,.2f} EUR", palette[name]) for name, value in pairs]),
        bars("Negative bars", [Bar(name, 50 - value, money(50 - value), 1) for name, value in pairs]),
        columns(
            "Columns",
            MONTHS,
            [
                Series(name, [(at * 37 + 11) % 90_000 * (-1 if at == 1 else 1) for _ in MONTHS], at % 8)
                for at, name in enumerate(names)
            ],
            shown=money,
        ),
        columns("One column", ["2024-01"], [Series(names[0], [5.0], 0)], shown=money),
        lines(
            "Lines",
            [f"{month}-{day:02d}" for month in MONTHS[:3] for day in range(1, 31)],
            [Series(name, [100 + at * day / 90 for day in range(90)], at % 8) for at, name in enumerate(names)],
            shown=money,
        ),
        intervals(
            "Intervals",
            [
                Span(name, at * 0.03 - 0.05, at * 0.04, at * 0.05 + 0.02, f"{at * 4:+} %", at % 8)
                for at, name in enumerate(names)
            ],
            shown=lambda value: f"{value:+.0%}",
        ),
        shares("Shares", [Share(name, value, money(value), palette[name]) for name, value in pairs]),
        flows(
            "Flows",
            [
                Flow(one, other, 1 + (at * 7 + k * 13) % 50)
                for at, one in enumerate(names)
                for k, other in enumerate(names)
            ],
            colours=lambda name: palette[name],
            shown=money,
        ),
        spells(
            "Spells",
            [
                Track(
                    name, [Spell(at * 9 + k * 20, at * 9 + k * 20 + 20, other, k % 8) for k, other in enumerate(names)]
                )
                for at, name in enumerate(names)
            ],
            Scale(30, 160, Mark(150, "today"), [Mark(20 * at, month) for at, month in enumerate(MONTHS)]),
            dots=("orders", [3, 40, 41, 150]),
            description="",
            head=("segmentation", "segment"),
            rows=[(name, name) for name in names],
        ),
    ]


def page(charts: list[Chart]) -> str:
    """Return a page of charts that loads nothing."""
    body = "".join(f"<section>{chart.html()}</section>" for chart in charts)
    style = "body{margin:16px;background:light-dark(#fff,#16161a)}"
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<style>{style}{STYLE}</style>{body}"
    )
