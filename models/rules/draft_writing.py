"""Writes a draft back into its file of segmentations, and leaves the rest of the file unchanged, including comments."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Item

from models.messages.translatable import translatable
from models.rules.declared import load
from models.rules.draft import Draft, Row, condition_text, tidy, with_ids
from models.rules.draft_checks import FILE, Fault, faults, number_of
from schemas.errors import UserError
from schemas.toml_text import tables

_SEGMENT: Final = re.compile(r"""\bsegment\s*=\s*(["'])(\w+)\1""")
_GUARDS: Final = ("unknown", "new")


class Checked(NamedTuple):
    """The result of a check: the whole file (None if the faults leave no file), and the faults."""

    text: str | None
    faults: list[Fault]


def checked(base: str, draft: Draft, before: str | None, source: str = "segments.toml") -> Checked:
    """Replace the segmentation ``before`` in the file ``base`` by the draft, and check the result in full.

    Parameters
    ----------
    base
        A valid file.
    before
        None for a new segmentation, which is appended.
    """
    draft = tidy(draft)
    declared = tables(base, source, "")
    if before is not None and declared.get(before, {}).get("kind") != draft.kind:
        # The builder's forms never send this.
        return Checked(None, [Fault(FILE, translatable("draft by hand"))])
    found = list(faults(draft, declared, before))
    if found:
        return Checked(None, found)
    try:
        text = _written(base, draft, before, declared)
    except TOMLKitError as error:
        return Checked(None, [Fault(FILE, translatable("draft unread", why=str(error)))])
    try:
        load(text, 0, source)
    except UserError as error:
        return Checked(text, [Fault(FILE, translatable("draft unread", why=error.message), error.hint)])
    others = {name: table for name, table in declared.items() if name != before}
    if {name: table for name, table in tables(text, source, "").items() if name != draft.name} != others:
        # Tables of one segmentation are scattered over the file: refuse rather than risk a wrong edit.
        return Checked(None, [Fault(FILE, translatable("draft by hand"))])
    return Checked(text, [])


def _written(base: str, draft: Draft, before: str | None, declared: Mapping[str, Any]) -> str:
    if before is None:
        return (base.rstrip("\n") + "\n\n" if base.strip() else "") + _whole(draft)
    old = declared[before]
    document = tomlkit.parse(base)
    table: Any = document[before]
    _put_plain(table, old, draft)
    ids = with_ids(draft, _guarded(old))
    entries = [_entry(draft, row, id, at) for at, (row, id) in enumerate(zip(draft.rows, ids, strict=True))]
    if _meant(old[draft.kind]) != _meant(entries):
        comments = _comments(table[draft.kind].as_string())
        table[draft.kind] = _list(draft.kind, entries, comments)
    _put_segments(table["segments"], old["segments"], draft, ids, _guarded(old))
    return tomlkit.dumps(document)


def _put_plain(table: Any, old: Mapping[str, Any], draft: Draft) -> None:
    """Write the single-value keys that changed."""
    dwell = int(draft.dwell_days)
    wanted: list[tuple[str, Any, Any]] = [("dwell_days", dwell, 0), ("active", draft.active, True)]
    if draft.kind == "bands":
        wanted.append(("feature", draft.feature, None))
    for key, value, usual in wanted:
        if old.get(key, usual) == value:
            continue
        if value == usual:
            del table[key]
        elif key in table:
            table[key] = value
        else:
            _add(table, key, value, draft.kind)


def _add(table: Any, key: str, value: Any, before: str) -> None:
    """Insert a key above the list: at the end it would follow the blank line before the next table."""
    kept, comment = table[before], table[before].trivia
    del table[before]
    table.append(key, value)
    table.append(before, kept)
    kept.trivia.comment = comment.comment


def _put_segments(table: Any, old: Mapping[str, Any], draft: Draft, ids: Sequence[str], guarded: Sequence[str]) -> None:
    for id in [id for id in old if id not in ids and id not in guarded]:
        del table[id]
    for row, id in zip(draft.rows, ids, strict=True):
        described = old.get(id)
        if described is None:
            # Rows of one segment share its name and description, so the last row writes the same as the first.
            table[id] = tomlkit.value(_described(row))
            continue
        usual = id.replace("_", " ").capitalize()
        for key, value, default in (("name", row.name, usual), ("meaning", row.meaning, "")):
            if described.get(key, default) != value:
                table[id][key] = value


def _described(row: Row) -> str:
    return _inline({"name": row.name, **({"meaning": row.meaning} if row.meaning else {})})


def _guarded(old: Mapping[str, Any]) -> list[str]:
    """Return the segments of the guards (too little data); the builder leaves them unchanged."""
    return [old[key].get("segment", key) for key in _GUARDS if key in old]


def _entry(draft: Draft, row: Row, id: str, at: int) -> dict[str, Any]:
    """Return a rule or a band as a file entry."""
    entry: dict[str, Any] = {"segment": id}
    if draft.kind == "bands":
        if at:
            entry["from"] = _figure(row.enter)
            if row.exit.strip() and number_of(row.exit) != number_of(row.enter):
                entry["exit"] = _figure(row.exit)
    elif condition := condition_text(row):
        entry["when"] = condition
    return entry


def _figure(text: str) -> int | float:
    value = number_of(text)
    assert value is not None
    return int(value) if value == int(value) else value


def _meant(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Normalise entries: drop an ``exit`` equal to the enter border, which means the same."""
    return [{key: value for key, value in one.items() if key != "exit" or value != one.get("from")} for one in entries]


def _list(key: str, entries: Sequence[Mapping[str, Any]], comments: Mapping[str, _Comments]) -> Item:
    lines = []
    for entry in entries:
        kept = comments.get(entry["segment"], _Comments([], ""))
        lines += [f"    {one}" for one in kept.above]
        lines.append(f"    {_inline(entry)},{kept.behind}")
        kept.above.clear()
    return tomlkit.value("[\n" + "\n".join(lines) + "\n]")


class _Comments(NamedTuple):
    """The comments above and after an entry's line."""

    above: list[str]
    behind: str


def _comments(array: str) -> dict[str, _Comments]:
    """Return the comments of the old list, by the segment of their entry."""
    found: dict[str, _Comments] = {}
    above: list[str] = []
    for line in (one.strip() for one in array.splitlines()):
        if line.startswith("#"):
            above.append(line)
        elif (segment := _SEGMENT.search(line)) is not None:
            behind = re.search(r"\}\s*,?\s*(#[^\"'{}]*)$", line)
            found.setdefault(segment[2], _Comments(above, f"  {behind[1]}" if behind else ""))
            above = []
    return found


def _inline(entry: Mapping[str, Any]) -> str:
    parts = [f"{key} = {_value(value)}" for key, value in entry.items()]
    return f"{{ {', '.join(parts)} }}"


def _value(value: Any) -> str:
    """
    >>> _value('did("Signed Up")'), _value("a"), _value(1.5)
    ('\\'did("Signed Up")\\'', '"a"', '1.5')
    """
    if isinstance(value, str):
        literal = '"' in value and "'" not in value and value.isprintable() and "\\" not in value
        return tomlkit.string(value, literal=literal).as_string()
    return str(value)


def _whole(draft: Draft) -> str:
    """Return the text of a new segmentation."""
    ids = with_ids(draft)
    entries = [_entry(draft, row, id, at) for at, (row, id) in enumerate(zip(draft.rows, ids, strict=True))]
    lines = [f"[{draft.name}]", f'kind = "{draft.kind}"']
    if not draft.active:
        lines.append("active = false")
    if int(draft.dwell_days):
        lines.append(f"dwell_days = {int(draft.dwell_days)}")
    if draft.kind == "bands":
        lines.append(f"feature = {_value(draft.feature)}")
    lines += [f"{draft.kind} = [", *(f"    {_inline(one)}," for one in entries), "]", "", f"[{draft.name}.segments]"]
    first: dict[str, Row] = {}
    for id, row in zip(ids, draft.rows, strict=True):
        first.setdefault(id, row)
    lines += [f"{id} = {_described(row)}" for id, row in first.items()]
    return "\n".join(lines) + "\n"
