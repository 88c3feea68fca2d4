"""Ordered rules: the first that holds decides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import ClassVar, Final

from models.rules import compiling
from models.rules.compiling import Chooser, Predicate
from models.rules.conditions import Compare, Leaf, Member, leaves, predicate
from models.rules.facts import Facts
from models.rules.reader import Declared
from models.rules.segmentation import Border, Rule, Segmentation, known_number
from schemas.changes import Reason


@dataclass(frozen=True)
class Rules(Segmentation):
    """Ordered rules: the first that holds decides. The last rule is the default.

    A customer stays in a segment for at least ``dwell_days`` grid days; no dwell applies to a ``provisional`` segment.
    """

    kind: ClassVar[str] = "rules"

    rules: tuple[Rule, ...]

    def evaluate(self, current: str | None, now: Facts) -> str:
        return self.rules[self.index_of(current, now)].segment

    def index_of(self, current: str | None, now: Facts) -> int:
        """Return the index of the first rule that holds."""
        return self.chooser(current)(now.values, now.segments)

    def reasons(self, current: str | None, before: Facts | None, now: Facts) -> tuple[Reason, ...]:
        return rule_reasons(self, current, before, now)

    def borders(self, current: str | None) -> Iterator[Border]:
        """Yield every comparison ``(feature, op, border)`` as it applies to a customer in ``current``."""
        for rule, rule_leaves in zip(self.rules, self.leaves_by_rule, strict=True):
            for leaf in rule_leaves:
                if isinstance(leaf, Compare):
                    yield leaf.feature, leaf.op, leaf.exit if rule.segment == current else leaf.enter

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        return tuple(leaf for found in self.leaves_by_rule for leaf in found)

    @property
    def reachable(self) -> frozenset[str]:
        return frozenset(rule.segment for rule in self.rules)

    @cached_property
    def leaves_by_rule(self) -> tuple[tuple[Leaf, ...], ...]:
        """The leaves of each rule, in rule order."""
        return tuple(tuple(leaves(rule.when)) if rule.when else () for rule in self.rules)

    @cached_property
    def leaf_tests(self) -> tuple[tuple[tuple[Leaf, Predicate, Predicate], ...], ...]:
        """The leaves of each rule, each compiled for customers outside the rule's segment and for customers in it."""
        return tuple(
            tuple((leaf, predicate(leaf, False), predicate(leaf, True)) for leaf in rule_leaves)
            for rule_leaves in self.leaves_by_rule
        )

    @cached_property
    def choosers(self) -> dict[str | None, Chooser]:
        """Compiled rules by the customer's current segment; a cache for `chooser`."""
        return {}

    def chooser(self, current: str | None) -> Chooser:
        """Return, from a cache, the function that finds the index of the first rule that holds for a customer in
        ``current``.
        """
        found = self.choosers.get(current)
        if found is None:
            sources = [rule.when.source(rule.segment == current) if rule.when else "True" for rule in self.rules]
            found = self.choosers[current] = compiling.chooser_of(sources)
        return found


def rule_reasons(rules: Rules, current: str | None, before: Facts | None, now: Facts) -> tuple[Reason, ...]:
    """Return the leaves whose result the event flipped, out of the rules evaluated before or after it.

    If none flipped (first assignment, another version, end of a dwell), return the leaves of the deciding rule that
    hold or, without any, the leaves of the previous rule that no longer hold.
    """
    new = rules.index_of(current, now)
    if current is not None and before is not None:
        last = max(new, rules.index_of(current, before))
        if found := _named(_turned_over(rules, last, current, before, now)):
            return found
    known = before if current is not None else None
    found = _named(_deciding(rules, new, current, known, now))
    if found or current is None:
        return found
    return _named(_no_longer(rules, current, known, now))


def _turned_over(rules: Rules, last: int, current: str, before: Facts, now: Facts) -> Iterator[Reason]:
    """Yield the leaves of the rules up to ``last`` whose result changed."""
    for rule, tests in zip(rules.rules[: last + 1], rules.leaf_tests, strict=False):
        held = rule.segment == current
        for leaf, enter, stay in tests:
            test = stay if held else enter
            if test(before.values, before.segments) != test(now.values, now.segments):
                yield _reason(leaf, held, before, now)


def _deciding(rules: Rules, new: int, current: str | None, known: Facts | None, now: Facts) -> Iterator[Reason]:
    """Yield the leaves of the deciding rule that hold; if none holds, yield all, since the rule tests for absence."""
    held = rules.rules[new].segment == current
    tests = rules.leaf_tests[new]
    holding = [leaf for leaf, enter, stay in tests if (stay if held else enter)(now.values, now.segments)]
    for leaf in holding or [leaf for leaf, _, _ in tests]:
        yield _reason(leaf, held, known, now)


def _no_longer(rules: Rules, current: str, known: Facts | None, now: Facts) -> Iterator[Reason]:
    """Yield the leaves that no longer hold in the rules of the segment that the customer left."""
    for rule, tests in zip(rules.rules, rules.leaf_tests, strict=True):
        for leaf, _, stay in tests if rule.segment == current else ():
            if not stay(now.values, now.segments):
                yield _reason(leaf, True, known, now)


def _named(reasons: Iterator[Reason]) -> tuple[Reason, ...]:
    """Return one reason per feature: the last one, at the position of the first."""
    return tuple({reason.feature: reason for reason in reasons}.values())


def _reason(leaf: Leaf, held: bool, before: Facts | None, now: Facts) -> Reason:
    if isinstance(leaf, Member):
        name = leaf.segmentation
        return Reason(
            name,
            None if before is None else before.segments.get(name) or None,
            now.segments.get(name) or None,
            ", ".join(sorted(leaf.segments)) or None,
        )
    border = leaf.exit if held else leaf.enter
    return Reason(
        leaf.feature,
        None if before is None else known_number(before.values, leaf.feature),
        known_number(now.values, leaf.feature),
        border if isfinite(border) else None,
    )


KEYS: Final = ("rules",)
"""Keys specific to rules in a file."""


def read(of: Declared) -> Rules:
    """Read rules from their table in a file. Raises UserError with line and hint if the table is invalid."""
    rules = (*of.guards, *_read_rules(of))
    return Rules(of.name, of.segments, rules, dwell_days=of.dwell_days, provisional=of.provisional)


def _read_rules(of: Declared) -> tuple[Rule, ...]:
    reader, name = of.reader, of.name
    line = reader.lines.of(name, "rules")
    found: list[Rule] = []
    for entry in reader.tables(name, of.table, "rules", "segment", "when"):
        when = entry.get("when")
        if isinstance(when, str) and when:
            line = reader.lines.holding(when.splitlines()[0], line)
        else:
            line = reader.lines.holding(str(entry.get("segment")), line)
        if found and found[-1].when is None:
            reader.fail(
                line,
                f"{name} has a rule without `when` before its last rule",
                ("move it to the end; it matches all remaining customers"),
            )
        segment = reader.known_segment(name, entry.get("segment"), of.ids, line)
        found.append(Rule(segment, None if when is None else reader.condition(when, line, of.known)))
    if found[-1].when is not None:
        reader.fail(
            line,
            f"the last rule of {name} has a condition",
            ("add a last rule without `when` for all remaining customers"),
        )
    return tuple(found)
