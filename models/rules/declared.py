"""Declared segmentations from TOML text, fully checked; errors name the file, the line and the valid choices.

``docs/segmentations.md`` describes the file format; ``segments.toml`` beside this module is the default for shops that
declare nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from models.features.features import FEATURES, LABELS
from models.rules import bands, rules
from models.rules.definitions import CLUSTERS, Definitions
from models.rules.expressions import KEYWORDS, Known
from models.rules.guards import read_guards
from models.rules.reader import NUMBERS, Declared, Reader
from models.rules.segmentation import Segment, Segmentation
from schemas.errors import UserError
from schemas.toml_text import tables

MAX_RULES = 200
MAX_CONDITION = 4_000
MAX_DWELL_DAYS = 3_650
RESERVED = ("definitions",)
"""The models topic stores the files themselves under this name."""

_ID = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_COMMON = ("kind", "active", "segments")
_GUARDED = ("dwell_days", "new", "unknown")


class Kind(NamedTuple):
    """A kind of segmentation: its own keys in a file, and the function that reads its table."""

    keys: tuple[str, ...]
    read: Callable[[Declared], Segmentation]


KINDS: Final[Mapping[str, Kind]] = {"rules": Kind(rules.KEYS, rules.read), "bands": Kind(bands.KEYS, bands.read)}
_KEYS = {name: (*_COMMON, *_GUARDED, *kind.keys) for name, kind in KINDS.items()} | {"clusters": _COMMON}


def load(text: str, version: int, source: str = "segments.toml") -> Definitions:
    """Read the definitions that a file declares, as version ``version``.

    Parameters
    ----------
    source
        Name of the file in errors.

    Raises
    ------
    UserError
        The text is not TOML, or an entry is invalid; names ``source`` and the line.
    """
    try:
        return _File(text, source).definitions(version)
    except (RecursionError, OverflowError, ValueError):
        # Nesting deeper than the parser supports, or numbers with thousands of digits.
        raise UserError(
            f"{source} contains a value that is too deeply nested, too long or too large", "shorten or simplify it"
        ) from None


class _File:
    def __init__(self, text: str, source: str) -> None:
        self._source = source
        self._tables = tables(text, source, "see docs/segmentations.md for its shape")
        self._reader = Reader(text, source)
        for name, table in self._tables.items():
            self._check_bounds(name, table)

    def _check_bounds(self, name: str, table: Any) -> None:
        """Limit the size: each segmentation becomes one Python expression, and the compiler's depth is limited."""
        listed = table.get("rules", ()) if isinstance(table, dict) else ()
        if not isinstance(listed, list):
            return
        if len(listed) > MAX_RULES:
            raise UserError(
                f"{self._source}: {name} has more than {MAX_RULES} rules", "split it into two or more segmentations"
            )
        for rule in listed:
            when = rule.get("when", "") if isinstance(rule, dict) else ""
            if isinstance(when, str) and len(when) > MAX_CONDITION:
                text = f"{self._source}: a condition of {name} has more than {MAX_CONDITION:,} characters"
                raise UserError(text, "split it into two or more rules")

    def definitions(self, version: int) -> Definitions:
        if not self._tables:
            raise UserError(f"{self._source} declares no segmentation", "add a table, for example [lifecycle]")
        for name, table in self._tables.items():
            self._check_name(name, table)
        active = {name: table for name, table in self._tables.items() if table.get("active", True)}
        segments = {name: self._segments(name, table) for name, table in active.items()}
        known = Known(frozenset(FEATURES), _labels(segments))
        found = self._segmentations(active, segments, known)
        self._check_inactive(known)
        if numbers := {name for name, (kind, _) in self._reader.own.items() if kind == NUMBERS}:
            # The first pass found which own traits known(...) must treat as numbers.
            found = self._segmentations(active, segments, Known(known.numbers | numbers, known.labels))
        clusters = tuple(name for name, table in active.items() if table["kind"] == "clusters")
        return Definitions(version, self._in_order(found), clusters)

    def _check_inactive(self, known: Known) -> None:
        """Check inactive segmentations too; only they may refer to other inactive ones."""
        off = {name: table for name, table in self._tables.items() if not table.get("active", True)}
        segments = {name: self._segments(name, table) for name, table in off.items()}
        labels = {name: frozenset(segment.id for segment in found) for name, found in segments.items()}
        wider = Known(known.numbers, {**labels, **known.labels, **dict.fromkeys(CLUSTERS)})
        self._segmentations(off, segments, wider)

    def _segmentations(
        self, tables: Mapping[str, Any], segments: Mapping[str, tuple[Segment, ...]], known: Known
    ) -> list[Segmentation]:
        """Return all segmentations except clusters, which have no conditions."""
        return [
            self._segmentation(name, table, segments[name], known)
            for name, table in tables.items()
            if table["kind"] != "clusters"
        ]

    # -- one segmentation -------------------------------------------------------------------------------------

    def _check_name(self, name: str, table: Any) -> None:
        line = self._reader.lines.of(name)
        if not isinstance(table, dict):
            self._reader.fail(line, f"{name!r} must be a table", f"declare the segmentation as [{name}]")
        if not _ID.fullmatch(name) or name in KEYWORDS:
            self._reader.fail(line, f"{name!r} cannot be the name of a segmentation", "use letters, digits and _")
        if name in RESERVED:
            self._reader.fail(
                line, f"{name} is a reserved name in Kafka topics", "choose another name for the segmentation"
            )
        if name in FEATURES or name in LABELS:
            self._reader.fail(line, f"{name} is the name of a feature", "choose another name for the segmentation")
        kind = table.get("kind")
        if kind not in _KEYS:
            self._reader.fail(
                self._reader.lines.of(name, "kind"), f"{name} has kind {kind!r}", f"kinds: {', '.join(_KEYS)}"
            )
        if (kind == "clusters") != (name in CLUSTERS):
            self._reader.fail(
                self._reader.lines.of(name, "kind"),
                f"{name} cannot be of kind {kind}",
                f"clusters are learned only for {', '.join(CLUSTERS)}",
            )
        if not isinstance(table.get("active", True), bool):
            self._reader.fail(
                self._reader.lines.of(name, "active"), f"active of {name} must be true or false", "write true or false"
            )
        self._reader.check_keys(table, _KEYS[kind], (name,), f"a segmentation of kind {kind}")

    def _segments(self, name: str, table: Mapping[str, Any]) -> tuple[Segment, ...]:
        if table["kind"] == "clusters" and "segments" not in table:
            return ()
        line = self._reader.lines.of(name, "segments")
        declared = table.get("segments")
        if not isinstance(declared, dict) or not declared:
            self._reader.fail(line, f"{name} names no segments", f"list them in a table [{name}.segments]")
        found = []
        for id, described in declared.items():
            at = self._reader.lines.of(name, "segments", id)
            if not _ID.fullmatch(id) or id in KEYWORDS:
                self._reader.fail(at, f"{id!r} cannot be a segment of {name}", "use letters, digits and _")
            if not isinstance(described, dict):
                self._reader.fail(at, f"{id} of {name} must be a table", f'{id} = {{ name = "...", meaning = "..." }}')
            self._reader.check_keys(described, ("name", "meaning"), (name, "segments", id), "a segment")
            title, meaning = described.get("name", id.replace("_", " ").capitalize()), described.get("meaning", "")
            for value, most in ((title, 200), (meaning, 2_000)):
                if not isinstance(value, str) or len(value) > most:
                    self._reader.fail(
                        at, f"name and meaning of {id} must be texts of at most {most} characters", "shorten it"
                    )
            found.append(Segment(id, title, meaning))
        return tuple(found)

    def _segmentation(
        self, name: str, table: Mapping[str, Any], segments: tuple[Segment, ...], known: Known
    ) -> Segmentation:
        guards = read_guards(self._reader, name, table, {segment.id for segment in segments}, known)
        dwell_days = self._reader.whole(name, table, "dwell_days", MAX_DWELL_DAYS)
        declared = Declared(self._reader, name, table, segments, guards, dwell_days, known)
        made = KINDS[table["kind"]].read(declared)
        for id in (segment.id for segment in segments if segment.id not in made.reachable):
            at = self._reader.lines.of(name, "segments", id)
            self._reader.fail(
                at,
                f"no rule or band assigns customers to the segment {id} of {name}",
                ("add a rule or a band for it, or remove the segment"),
            )
        if name in made.refers_to:
            self._reader.fail(
                self._reader.lines.of(name),
                f"{name} must not refer to itself",
                ("to keep customers in a segment longer, use exit borders"),
            )
        return made

    # -- all of them ------------------------------------------------------------------------------------------

    def _in_order(self, found: Sequence[Segmentation]) -> tuple[Segmentation, ...]:
        """Sort segmentations after those they refer to, otherwise in file order."""
        by_name = {one.name: one for one in found}
        placed: dict[str, Segmentation] = {}
        path: list[str] = []

        def place(one: Segmentation) -> None:
            if one.name in placed:
                return
            if one.name in path:
                circle = " -> ".join([*path[path.index(one.name) :], one.name])
                self._reader.fail(
                    self._reader.lines.of(one.name),
                    f"segmentations refer to each other in a circle: {circle}",
                    ("remove one of these references"),
                )
            path.append(one.name)
            for name in sorted(one.refers_to & by_name.keys()):
                place(by_name[name])
            path.pop()
            placed[one.name] = one

        for one in found:
            place(one)
        return tuple(placed.values())


def _labels(segments: Mapping[str, tuple[Segment, ...]]) -> dict[str, frozenset[str] | None]:
    """Return the words that each name may be compared with; None if the file cannot know them."""
    found: dict[str, frozenset[str] | None] = dict.fromkeys(LABELS)
    for name, listed in segments.items():
        # Only a model defines which clusters exist.
        found[name] = None if name in CLUSTERS else frozenset(segment.id for segment in listed)
    return found
