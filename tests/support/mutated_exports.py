"""Generate damaged exports: the field cases with columns, cells, bytes and lines mutated by a seed."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterator
from pathlib import Path

from field_cases import CASES

_CELLS = (
    "", " ", "NULL", "nan", "-", "0", "-1", "1e999", "1,5", "1.234", "12,50", "(5)", "５", "inf", "9" * 400, "\u202e", "\x00",
    "1899-12-30", "0001-01-01", "9999-12-31", "3/2/2024", "2024-02-30", "20240230", "1704450801123456789012", "guest", '"', "'",
    "=1+1", "😀", "ä" * 200, "a\nb", "a,b;c\td", "true", "1704450801", "45296.5", "24:00", "2024-01-05T10:00:00+99:99", "½",
)  # fmt: skip
_ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "cp1252", "gb18030", "utf-32", "latin-1")


def tables() -> list[Path]:
    """Return the cases that are tables with a mapping."""
    return [path for path in sorted(CASES.glob("*/input.csv")) if not (path.parent / "retail").exists()]


def mapping_of(path: Path) -> str:
    """Return the mapping of a case."""
    name = path.parent / "mapping-name"
    return name.read_text().strip() if name.exists() else str(path.parent / "mapping.toml")


def mutated(path: Path, seed: int) -> bytes:
    """Return the bytes of an export after one to four mutations."""
    rng = random.Random(seed)
    raw = path.read_bytes()
    text = raw.decode("utf-16" if raw[:2] == b"\xff\xfe" else "gb18030" if "gbk" in str(path) else "utf-8", "replace")
    delimiter = "\t" if text.count("\t") > text.count(",") else ","
    rows = list(csv.reader(io.StringIO(text.replace("\r\n", "\n").replace("\r", "\n")), delimiter=delimiter))
    for _ in range(rng.randint(1, 4)):
        _mutate(rows, rng)
    delimiter = rng.choice((delimiter, delimiter, ";", "\t", "|"))
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=rng.choice(("\n", "\r\n", "\r"))).writerows(rows)
    content = bytearray(out.getvalue().encode(rng.choice(("utf-8", *_ENCODINGS)), "replace"))
    for _ in range(rng.choice((0, 0, 0, 1, 5))):
        if content:
            content[rng.randrange(len(content))] = rng.randrange(256)
    return bytes(content)


def _mutate(rows: list[list[str]], rng: random.Random) -> None:
    if not rows:
        return
    row = rng.choice(rows)
    kind = rng.randrange(9)
    if kind <= 2 and row:
        row[rng.randrange(len(row))] = rng.choice(_CELLS)
    elif kind == 3 and row:
        column = rng.randrange(len(row))
        for cells in rows:
            if column < len(cells):
                del cells[column]
    elif kind == 4 and row:
        column = rng.randrange(len(row))
        for cells in rows:
            if column < len(cells):
                cells.insert(column, cells[column])
    elif kind == 5 and len(row) > 1:
        one, two = rng.sample(range(len(row)), 2)
        for cells in rows[1:]:
            if max(one, two) < len(cells):
                cells[one], cells[two] = cells[two], cells[one]
    elif kind == 6:
        rows.insert(rng.randrange(len(rows) + 1), [rng.choice(_CELLS) for _ in range(rng.randint(0, 4))])
    elif kind == 7:
        rows.append(list(row))
    else:
        row.append(rng.choice(_CELLS))


def seeds(count: int) -> Iterator[tuple[Path, int]]:
    """Yield a case and a seed for each of ``count`` mutated exports."""
    found = tables()
    for seed in range(count):
        yield found[seed % len(found)], seed
