"""Declared segmentations from TOML text: checked in full, with errors that name file, line and what there is.

The shape of the file is described in ``docs/segmentations.md``; ``segments.toml`` beside this module is the one that a
shop gets without writing any.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from models.features.features import FEATURES, LABELS
from models.features.traits import is_own_trait
from models.rules.definitions import (
    CLUSTERS,
    Band,
    Bands,
    Compare,
    Condition,
    Definitions,
    Negation,
    Rule,
    Rules,
    Segment,
    Segmentation,
    Some,
    leaves,
    refers_to,
)
from models.rules.expressions import KEYWORDS, ExpressionError, Known, parse, suggestion
from models.rules.toml_lines import Lines
from schemas.errors import UserError

MAX_BYTES = 200_000
"""Of a file: it travels inside a record of every lane."""
MAX_DWELL_DAYS = 3_650
RESERVED = ("definitions",)
"""Under this name the files themselves stand in the models topic."""

_NUMBERS, _WORDS = "a number", "words"
_ID = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_COMMON = ("kind", "active", "segments")
_GUARDED = ("dwell_days", "new", "unknown")
_KEYS = {
    "rules": (*_COMMON, *_GUARDED, "rules"),
    "bands": (*_COMMON, *_GUARDED, "feature", "bands"),
    "clusters": (*_COMMON,),
}


def load(text: str, version: int, source: str = "segments.toml") -> Definitions:
    """The definitions that a file declares, as version ``version``.

    Parameters
    ----------
    source
        What the file is called in errors.

    Raises
    ------
    UserError
        It is no TOML, or something in it is not as it must be; names ``source`` and the line.
    """
    return _File(text, source).definitions(version)


class _File:
    def __init__(self, text: str, source: str) -> None:
        self._source = source
        self._lines = Lines(text)
        # What the shop's own traits are compared with, numbers or words, and in which line first.
        self._own: dict[str, tuple[str, int]] = {}
        if len(text.encode()) > MAX_BYTES:
            raise UserError(f"{source} has more than {MAX_BYTES:,} bytes", "shorten it")
        try:
            self._tables: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise UserError(f"{source} is not TOML: {error}", "see docs/segmentations.md for its shape") from None

    def definitions(self, version: int) -> Definitions:
        if not self._tables:
            raise UserError(f"{self._source} declares no segmentation", "begin with a line such as [lifecycle]")
        for name, table in self._tables.items():
            self._check_name(name, table)
        active = {name: table for name, table in self._tables.items() if table.get("active", True)}
        segments = {name: self._segments(name, table) for name, table in active.items()}
        labels: dict[str, frozenset[str] | None] = dict.fromkeys(LABELS)
        for name, listed in segments.items():
            # Which clusters there are is not known before a model says so.
            labels[name] = None if name in CLUSTERS else frozenset(segment.id for segment in listed)
        known = Known(frozenset(FEATURES), labels)
        declared = {name: table for name, table in active.items() if table["kind"] != "clusters"}
        found = [self._segmentation(name, table, segments[name], known) for name, table in declared.items()]
        self._check_inactive(known)
        if numbers := {name for name, (kind, _) in self._own.items() if kind == _NUMBERS}:
            # Once more, now that it is clear of which own traits known(...) asks for a number.
            known = Known(known.numbers | numbers, labels)
            found = [self._segmentation(name, table, segments[name], known) for name, table in declared.items()]
        clusters = tuple(name for name, table in active.items() if table["kind"] == "clusters")
        return Definitions(version, self._in_order(found), clusters)

    def _check_inactive(self, known: Known) -> None:
        """What is switched off must be right as well; only it may look at others that are off."""
        off = {name: table for name, table in self._tables.items() if not table.get("active", True)}
        segments = {name: self._segments(name, table) for name, table in off.items()}
        labels = {name: frozenset(segment.id for segment in found) for name, found in segments.items()}
        wider = Known(known.numbers, {**labels, **known.labels, **dict.fromkeys(CLUSTERS)})
        for name, table in off.items():
            if table["kind"] != "clusters":
                self._segmentation(name, table, segments[name], wider)

    # -- one segmentation -------------------------------------------------------------------------------------

    def _check_name(self, name: str, table: Any) -> None:
        line = self._lines.of(name)
        if not isinstance(table, dict):
            self._fail(line, f"{name!r} is no table", f"a segmentation begins with a line such as [{name}]")
        if not _ID.fullmatch(name) or name in KEYWORDS:
            self._fail(line, f"{name!r} cannot be the name of a segmentation", "use letters, digits and _")
        if name in RESERVED:
            self._fail(line, f"{name} means something else in Kafka", "call the segmentation something else")
        if name in FEATURES or name in LABELS:
            self._fail(line, f"{name} is the name of a feature", "call the segmentation something else")
        kind = table.get("kind")
        if kind not in _KEYS:
            self._fail(self._lines.of(name, "kind"), f"{name} has kind {kind!r}", f"kinds: {', '.join(_KEYS)}")
        if (kind == "clusters") != (name in CLUSTERS):
            self._fail(
                self._lines.of(name, "kind"),
                f"{name} cannot be of kind {kind}",
                f"clusters are learned for {', '.join(CLUSTERS)}, and for that alone",
            )
        if not isinstance(table.get("active", True), bool):
            self._fail(self._lines.of(name, "active"), f"active of {name} is no truth value", "write true or false")
        self._check_keys(table, _KEYS[kind], (name,), f"a segmentation of kind {kind}")

    def _segments(self, name: str, table: Mapping[str, Any]) -> tuple[Segment, ...]:
        if table["kind"] == "clusters" and "segments" not in table:
            return ()
        line = self._lines.of(name, "segments")
        declared = table.get("segments")
        if not isinstance(declared, dict) or not declared:
            self._fail(line, f"{name} names no segments", f"list them in a table [{name}.segments]")
        found = []
        for id, told in declared.items():
            at = self._lines.of(name, "segments", id)
            if not _ID.fullmatch(id) or id in KEYWORDS:
                self._fail(at, f"{id!r} cannot be a segment of {name}", "use letters, digits and _")
            if not isinstance(told, dict):
                self._fail(at, f"{id} of {name} is no table", f'{id} = {{ name = "...", meaning = "..." }}')
            self._check_keys(told, ("name", "meaning"), (name, "segments", id), "a segment")
            title, meaning = told.get("name", id.replace("_", " ").capitalize()), told.get("meaning", "")
            for value, most in ((title, 200), (meaning, 2_000)):
                if not isinstance(value, str) or len(value) > most:
                    self._fail(at, f"name or meaning of {id} is no text of at most {most} characters", "shorten it")
            found.append(Segment(id, title, meaning))
        return tuple(found)

    def _segmentation(
        self, name: str, table: Mapping[str, Any], segments: tuple[Segment, ...], known: Known
    ) -> Segmentation:
        ids = {segment.id for segment in segments}
        guards = self._guards(name, table, ids, known)
        dwell = self._whole(name, table, "dwell_days", MAX_DWELL_DAYS)
        provisional = frozenset(rule.segment for rule in guards)
        made: Segmentation
        if table["kind"] == "rules":
            rules = self._rules(name, table, ids, known)
            made = Rules(name, segments, (*guards, *rules), dwell_days=dwell, provisional=provisional)
            used = {rule.segment for rule in made.rules}
        else:
            feature = self._feature(name, table)
            bands = self._bands(name, table, ids)
            before = Rules(name, (), (*guards, Rule("", None))) if guards else None
            made = Bands(name, segments, feature, bands, dwell_days=dwell, provisional=provisional, guards=before)
            used = {band.segment for band in bands} | {rule.segment for rule in guards}
        for id in (segment.id for segment in segments if segment.id not in used):
            at = self._lines.of(name, "segments", id)
            self._fail(at, f"nothing leads to the segment {id} of {name}", "give it a rule or a band, or leave it out")
        if name in refers_to(made):
            self._fail(self._lines.of(name), f"{name} refers to itself", "exit borders are what holds a customer")
        return made

    def _guards(self, name: str, table: Mapping[str, Any], ids: set[str], known: Known) -> tuple[Rule, ...]:
        """Rules that come first: what is not known, then what there is too little evidence of."""
        found = []
        if (told := table.get("unknown")) is not None:
            line = self._lines.of(name, "unknown")
            segment = self._guard_segment(name, "unknown", told, ("segment", "without"), ids)
            without = told.get("without")
            if not isinstance(without, list) or not without or not all(isinstance(one, str) for one in without):
                self._fail(line, f"unknown of {name} names no features", 'such as without = ["country"]')
            parts = [Negation(self._condition(f"known({one})", line, known)) for one in without]
            found.append(Rule(segment, parts[0] if len(parts) == 1 else Some(tuple(parts))))
        if (told := table.get("new")) is not None:
            line = self._lines.of(name, "new")
            segment = self._guard_segment(name, "new", told, ("segment", "until"), ids)
            found.append(Rule(segment, Negation(self._condition(told.get("until"), line, known))))
        return tuple(found)

    def _guard_segment(self, name: str, key: str, told: Any, keys: Sequence[str], ids: set[str]) -> str:
        if not isinstance(told, dict):
            self._fail(self._lines.of(name, key), f"{key} of {name} is no table", "see docs/segmentations.md")
        self._check_keys(told, keys, (name, key), f"{key}")
        return self._known_segment(name, told.get("segment", key), ids, self._lines.of(name, key))

    def _rules(self, name: str, table: Mapping[str, Any], ids: set[str], known: Known) -> tuple[Rule, ...]:
        line = self._lines.of(name, "rules")
        found: list[Rule] = []
        for told in self._list_of_tables(name, table, "rules", "segment", "when"):
            when = told.get("when")
            if isinstance(when, str) and when:
                line = self._lines.holding(when.splitlines()[0], line)
            else:
                line = self._lines.holding(str(told.get("segment")), line)
            if found and found[-1].when is None:
                self._fail(line, f"a rule of {name} without `when` is not the last", "it holds for all that is left")
            segment = self._known_segment(name, told.get("segment"), ids, line)
            found.append(Rule(segment, None if when is None else self._condition(when, line, known)))
        if found[-1].when is not None:
            self._fail(line, f"the last rule of {name} has a condition", "end with a rule without `when`: all the rest")
        return tuple(found)

    def _feature(self, name: str, table: Mapping[str, Any]) -> str:
        feature = table.get("feature")
        line = self._lines.of(name, "feature")
        if isinstance(feature, str) and is_own_trait(feature):
            self._asked_as(feature, _NUMBERS, line)
            return feature
        if not isinstance(feature, str) or feature not in FEATURES:
            self._fail(
                line,
                f"{name} has bands of {feature!r}, which is no feature with numbers",
                suggestion(str(feature), FEATURES, "features"),
            )
        return feature

    def _bands(self, name: str, table: Mapping[str, Any], ids: set[str]) -> tuple[Band, ...]:
        line = self._lines.of(name, "bands")
        found: list[Band] = []
        for told in self._list_of_tables(name, table, "bands", "segment", "from", "exit"):
            line = self._lines.holding(str(told.get("segment")), line)
            segment = self._known_segment(name, told.get("segment"), ids, line)
            if not found:
                if "from" in told or "exit" in told:
                    self._fail(line, f"the first band of {name} has a border", "it takes all below the second")
                found.append(Band(segment, 0.0, 0.0))
                continue
            enter = self._number(told.get("from"), line, f"from of {segment}")
            leave = self._number(told.get("exit", enter), line, f"exit of {segment}")
            if leave > enter:
                self._fail(line, f"exit of {segment} lies above its from", "a band is left below where it is entered")
            if segment in {band.segment for band in found}:
                self._fail(line, f"{name} has two bands {segment}", "give each band a segment of its own")
            if len(found) > 1 and (enter <= found[-1].enter or leave <= found[-1].exit):
                self._fail(line, f"the bands of {name} do not rise", "list them from the lowest to the highest")
            found.append(Band(segment, enter, leave))
        if len(found) < 2:
            self._fail(line, f"{name} has a single band", "give it two or more")
        return tuple(found)

    # -- all of them ------------------------------------------------------------------------------------------

    def _in_order(self, found: Sequence[Segmentation]) -> tuple[Segmentation, ...]:
        """Each after those it refers to; else as they stand in the file."""
        by_name = {one.name: one for one in found}
        placed: dict[str, Segmentation] = {}
        path: list[str] = []

        def place(one: Segmentation) -> None:
            if one.name in placed:
                return
            if one.name in path:
                circle = " -> ".join([*path[path.index(one.name) :], one.name])
                self._fail(self._lines.of(one.name), f"segmentations refer to each other: {circle}", "break the circle")
            path.append(one.name)
            for name in sorted(refers_to(one) & by_name.keys()):
                place(by_name[name])
            path.pop()
            placed[one.name] = one

        for one in found:
            place(one)
        return tuple(placed.values())

    # -- single values ----------------------------------------------------------------------------------------

    def _condition(self, text: Any, line: int, known: Known) -> Condition:
        if not isinstance(text, str) or not text.strip():
            self._fail(line, "a condition is missing", 'such as "orders >= 2"')
        try:
            condition = parse(text, known)
        except ExpressionError as error:
            line += text.count("\n", 0, error.position)
            column = error.position - (text.rfind("\n", 0, error.position) + 1)
            shown = text.splitlines()[text.count("\n", 0, error.position)] if text else ""
            marked = f"{shown}\n  {' ' * column}^"
            self._fail(line, f"{error.message}\n  {marked}", error.hint)
        for leaf in leaves(condition):
            if isinstance(leaf, Compare):
                self._asked_as(leaf.feature, _NUMBERS, line)
            elif any(leaf.segments):
                self._asked_as(leaf.segmentation, _WORDS, line)
        return condition

    def _asked_as(self, name: str, kind: str, line: int) -> None:
        """Remember whether an own trait is compared with numbers or words: it cannot be both."""
        if not is_own_trait(name):
            return
        before, where = self._own.setdefault(name, (kind, line))
        if before != kind:
            self._fail(
                line,
                f"{name} is compared with {kind} here, and with {before} in line {where}",
                "a trait is one or the other: what a customer has of the other kind counts as not known",
            )

    def _known_segment(self, name: str, segment: Any, ids: set[str], line: int) -> str:
        if not isinstance(segment, str) or segment not in ids:
            hint = suggestion(str(segment), ids, f"segments of {name}")
            self._fail(line, f"{name} has no segment {segment!r}", f"{hint}; add it to [{name}.segments]")
        return segment

    def _list_of_tables(self, name: str, table: Mapping[str, Any], key: str, *keys: str) -> list[dict[str, Any]]:
        told = table.get(key)
        if not isinstance(told, list) or not told or not all(isinstance(one, dict) for one in told):
            self._fail(self._lines.of(name, key), f"{name} has no {key}", f'such as {key} = [ {{ segment = "..." }} ]')
        for one in told:
            self._check_keys(one, keys, (name, key), f"an entry of {key}")
        return told

    def _check_keys(self, table: Mapping[str, Any], keys: Sequence[str], path: tuple[str, ...], what: str) -> None:
        for key in table:
            if key not in keys:
                line = self._lines.holding(key, self._lines.of(*path, key))
                self._fail(line, f"{what} has no {key!r}", suggestion(key, keys, "keys"))

    def _whole(self, name: str, table: Mapping[str, Any], key: str, most: int) -> int:
        value = table.get(key, 0)
        if type(value) is not int or not 0 <= value <= most:
            self._fail(self._lines.of(name, key), f"{key} of {name} is {value!r}", f"a whole number from 0 to {most:,}")
        return value

    def _number(self, value: Any, line: int, what: str) -> float:
        if type(value) not in (int, float) or not abs(value) < 1e15:
            self._fail(line, f"{what} is {value!r}, and no number", "such as from = 50")
        return float(value)

    def _fail(self, line: int, message: str, hint: str) -> NoReturn:
        raise UserError(f"{self._source}, line {line}: {message}", hint)
