"""English messages about imported files."""

from __future__ import annotations

from typing import Final

TEXTS: Final = {
    # Why a row is refused.
    "file two readings": "fits two readings, a thousand or a fraction: set decimal in the mapping",
    "file no number": "no number such as {example} (decimal = {decimal!r} in the mapping)",
    "file two currencies": "no number: two currencies stand beside it",
    "file letters": "no number: letters stand beside it that name no currency",
    "file no zone": "names no time zone",
    "file no date": "no such date",
    "file no time": "no such time",
    "file no instant": "no such date or time",
    "file before 1990": "lies before 1990",
    "file in future": "lies in the future",
    "file sheet day": 'looks like a day number of a spreadsheet: dates = ["excel"] in the mapping reads it',
    "file unknown time": "no time in a known form ({known}; see dates in the mapping)",
    "file two dates": 'fits two readings, {one} or {two}: say dates = ["%d{sep}%m{sep}%Y ..."] or ["%m{sep}%d{sep}%Y ..."] '
    "in the mapping",
    "file no whole number": "no whole number",
    "file no truth": "neither yes nor no",
    "file digits cut": "a spreadsheet cut its digits off: export it as text",
    "file in column": "{field} (column {names}): {fault}",
    "file nothing under": "nothing stands under {names}",
    "file nobody": "{names} names nobody: a placeholder stands there",
    "file other currency": "total: {named} stands beside it, but the order is in {own}",
    "file below zero": 'total: below zero; a mapping can make refunds of such rows (where = "<0")',
    "file amounts differ": "{field}: the rows of this order say different amounts under {names}; if they are those of its "
    'lines: {field} = {{ sum = "{names}" }}',
    "file no amount": "{field}: nothing stands under {names} in any row of this order",
    "file below table": "stands below the table",
    "file width": "{found} columns, the first line has {width}",
    "file encoding": "not {encoding}: see encoding",
    "file open quote": "quote not closed",
    "file not object": "not a JSON object",
    "file not json": "not JSON in UTF-8",
    "file no group": "nothing stands under {names}",
    "file same order refused": "line {line}, of the same order, is refused",
    "file same order": "other rows have this order id and say something else: if they are lines of one order, "
    'group = "COLUMN" makes one of them, with total = {{ sum = "COLUMN" }}',
    "file contract": "{fault}",
    # What was found by looking.
    "file note encoding": "read as {encoding} (encoding)",
    "file note delimiter": "columns are parted by {delimiter} (delimiter)",
    "file note skip": "{lines} lines above the header were skipped (skip)",
    "file note comma": "amounts have a decimal comma (decimal)",
    "file note day": "in dates such as 3/2/2024 the day stands first (dates)",
    "file note month": "in dates such as 3/2/2024 the month stands first (dates)",
    "file note ids": "ids such as 12345.0 come from a spreadsheet and were read as 12345",
    # Progress and results.
    "file rows read": "{rows:,} rows read ({speed:,.0f} a second{left})",
    "file time left": ", {seconds:,.0f} s left",
    "file written": "{records:,} records written",
    "file applied": "{records:,} records applied ({speed:,.0f} a second)",
    "file applied of": "{records:,} of {of:,} records applied ({speed:,.0f} a second, {seconds:,.0f} s left)",
    "file rejects": "{rows:,} rows were refused; {path} says which and why",
}
