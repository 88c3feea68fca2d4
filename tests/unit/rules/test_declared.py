"""Test files of segmentations: the shipped one, what a file may contain, and the lines that errors name."""

from __future__ import annotations

import re
from math import inf
from pathlib import Path

import pytest

from models.features.features import FEATURES, LABELS
from models.rules.bands import Band, Bands
from models.rules.conditions import Compare, Every, Member, Negation, Some
from models.rules.declared import load
from models.rules.defaults import DEFAULT_TEXT, DEFAULTS
from models.rules.rules import Rules
from models.rules.segmentation import Rule
from schemas.errors import UserError


def test_what_ships_is_what_the_first_version_always_was() -> None:
    """Lanes at version 1 know no other: no edit of the file may change what is active in it."""

    def least(feature: str, enter: float, leave: float | None = None) -> Compare:
        return Compare(feature, ">=", enter, enter if leave is None else leave)

    value, lifecycle = DEFAULTS.segmentations
    assert isinstance(value, Bands) and isinstance(lifecycle, Rules)
    assert (value.name, value.feature, value.dwell_days, value.guards) == ("value", "spend_decayed", 0, None)
    assert value.bands == (
        Band("low", 0.0, 0.0),
        Band("medium", 50.0, 45.0),
        Band("high", 200.0, 180.0),
        Band("top", 1000.0, 900.0),
    )
    assert (lifecycle.name, lifecycle.dwell_days) == ("lifecycle", 0)
    assert lifecycle.rules == (
        Rule("prospect", Compare("orders", "<=", 0.0, 0.0)),
        Rule("lost", Some((least("lateness", 6.0, 5.5), least("recency_days", 365.0)))),
        Rule("hibernating", least("lateness", 4.0, 3.6)),
        Rule("at_risk", least("lateness", 2.0, 1.8)),
        Rule("new", Compare("orders", "=", 1.0, 1.0)),
        Rule("champion", Every((least("orders", 8.0), Member("value", frozenset({"high", "top"}))))),
        Rule("loyal", least("orders", 4.0)),
        Rule("active", None),
    )
    assert (DEFAULTS.version, DEFAULTS.clusters) == (1, ("behaviour",))
    assert DEFAULTS.names["lifecycle", "at_risk"] == "At risk"


SMALL = """
[second]
kind = "rules"
dwell_days = 3
unknown = { without = ["top_category", "lateness"] }
new = { segment = "fresh", until = "orders >= 2 or age_days >= 14" }
rules = [
    { segment = "best", when = "first is b and behaviour is champions" },
    { segment = "rest" },
]
[second.segments]
unknown = {}
fresh = { name = "Fresh" }
best = { name = "Best of all", meaning = "what we live from" }
rest = {}

[first]
kind = "bands"
feature = "spend"
new = { until = "orders >= 1" }
bands = [{ segment = "a" }, { segment = "b", from = 10 }]
[first.segments]
new = {}
a = {}
b = {}

[off]
kind = "rules"
active = false
rules = [{ segment = "x" }]
[off.segments]
x = {}

[behaviour]
kind = "clusters"
"""


def test_each_segmentation_comes_after_those_it_refers_to() -> None:
    found = load(SMALL, 7)
    assert [one.name for one in found.segmentations] == ["first", "second"]
    assert (found.version, found.clusters, found.behind_clusters) == (7, ("behaviour",), frozenset({"second"}))
    assert found.labels == ("top_category",)
    assert found.features == ("age_days", "lateness", "orders", "spend")
    second = found.segmentations[1]
    assert isinstance(second, Rules) and second.dwell_days == 3 and second.provisional == {"unknown", "fresh"}
    assert [rule.segment for rule in second.rules] == ["unknown", "fresh", "best", "rest"]
    assert found.names["second", "unknown"] == "Unknown" and found.names["second", "best"] == "Best of all"


def test_clusters_may_be_switched_off() -> None:
    assert load(DEFAULT_TEXT.replace('kind = "clusters"', 'kind = "clusters"\nactive = false'), 2).clusters == ()


def mistake(old: str, new: str, text: str = SMALL) -> UserError:
    assert old in text
    with pytest.raises(UserError) as caught:
        load(text.replace(old, new, 1), 2, "my.toml")
    return caught.value


@pytest.mark.parametrize(
    ("old", "new", "line", "message", "hint"),
    [
        ("first is b", "frist is b", 8, "unknown feature or segmentation 'frist'", "did you mean first?"),
        ("first is b", "off is x", 8, "unknown feature or segmentation 'off'", "age_days"),
        ("first is b", "first is c", 8, "no segment 'c'", "segments of first: a, b, new"),
        ("first is b", "second is best", 2, "second must not refer to itself", ""),
        ("orders >= 1", "second is rest", 2, "refer to each other in a circle: ", "remove one"),
        ("orders >= 2 or", "orderz >= 2 or", 6, "orderz", "did you mean orders"),
        ('segment = "best"', 'segment = "bets"', 8, "no segment 'bets'", "did you mean best?"),
        ('    { segment = "rest" },\n', "", 8, "has a condition", "all remaining customers"),
        (
            '{ segment = "rest" }',
            '{ segment = "rest" }, { segment = "best" }',
            9,
            "without `when` before its last rule",
            "",
        ),
        ("dwell_days", "dwel_days", 4, "no 'dwel_days'", "did you mean dwell_days?"),
        ("dwell_days = 3", "dwell_days = 2.5", 4, "is 2.5", "whole number"),
        ('feature = "spend"', 'feature = "spent"', 19, "'spent'", "did you mean spend?"),
        ("from = 10", "from = true", 21, "True", "from = 50"),
        ("from = 10", "from = 10, exit = 11", 21, "above its from", ""),
        ('{ segment = "a" }', '{ segment = "a", from = 1 }', 21, "first band", "below"),
        (', { segment = "b", from = 10 }', "", 21, "only one band", "two"),
        (
            'best = { name = "Best',
            'beast = {}\nbest = { name = "Best',
            14,
            "no rule or band assigns customers to the segment beast",
            "",
        ),
        ("rest = {}", 'rest = { nmae = "x" }', 15, "no 'nmae'", "did you mean name?"),
        ("[off]", "[orders]", 27, "name of a feature", ""),
        ('{ segment = "x" }', '{ segment = "x", when = "nope > 1" }, { segment = "x" }', 30, "nope", ""),
        ('kind = "rules"', 'kind = "rulez"', 3, "'rulez'", "kinds: rules, bands, "),
        ('kind = "clusters"', 'kind = "rules"', 35, "cannot be of kind rules", "behaviour"),
        ('without = ["top_category", "lateness"]', "without = []", 5, "names no features", "country"),
    ],
)
def test_a_mistake_is_reported_with_file_and_line(old: str, new: str, line: int, message: str, hint: str) -> None:
    found = mistake(old, new)
    assert found.message.startswith("my.toml, line "), found.message
    assert f"line {line}:" in found.message and message in found.message, found.message
    assert hint in found.hint


def test_a_mistake_in_a_condition_is_pointed_at() -> None:
    found = mistake("first is b and", "first is b or and")
    assert found.message.splitlines()[1:] == [
        "  first is b or and behaviour is champions",
        "                ^",
    ]


PAGE = (Path(__file__).parents[3] / "docs" / "segmentations.md").read_text()


def test_the_page_lists_all_features_and_no_others() -> None:
    table = PAGE[PAGE.index("## Features") : PAGE.index("## Guarantees")]
    rows = re.findall(r"^\| (`.*?`) \| .* \| (\w*) ?\|$", table, re.MULTILINE)
    documented = {name: by_itself for names, by_itself in rows for name in re.findall(r"[\w.]+", names)}
    assert documented.keys() == FEATURES.keys() | LABELS.keys() | {"custom.NAME"}
    moved = {name for name, feature in FEATURES.items() if feature.crossing is not None}
    assert {name for name, by_itself in documented.items() if by_itself} == moved


OWN = """
[fit]
kind = "rules"
new = { until = "known(custom.size)" }
rules = [
    { segment = "large", when = "known(custom.size) and custom.size >= 40" },
    { segment = "dry", when = "custom.skin is dry or known(custom.shoe)" },
    { segment = "rest" },
]
[fit.segments]
new = {}
large = {}
dry = {}
rest = {}
"""


def test_what_an_own_trait_is_compared_with_says_what_it_is() -> None:
    found = load(OWN, 2)
    assert (found.features, found.labels) == (("custom.size",), ("custom.shoe", "custom.skin"))
    assert found.compared_words == {"custom.skin"}
    [fit] = found.segmentations
    assert isinstance(fit, Rules)
    least = Compare("custom.size", ">=", -inf, -inf)
    assert fit.rules[:2] == (
        Rule("new", Negation(least)),
        Rule("large", Every((least, Compare("custom.size", ">=", 40.0, 40.0)))),
    )


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("custom.skin is dry", "custom.size is dry", 7, "compared with words here, and with a number in line 6"),
        ("custom.skin is dry", "custom.skin is dry or custom.skin > 2", 7, "a number here, and with words in line 7"),
        (
            "[fit]",
            "[off]\nkind = 'rules'\nactive = false\n"
            "rules = [{segment = 'x', when = 'custom.size in (a, b)'}, {segment = 'x'}]\nsegments = {x = {}}\n[fit]",
            5,
            "custom.size is compared with words here, and with a number in line 11",
        ),
        (
            "[fit]",
            "[cut]\nkind = 'bands'\nfeature = 'custom.skin'\n"
            "bands = [{segment = 'x'}, {segment = 'y', from = 1}]\nsegments = {x = {}, y = {}}\n[fit]",
            12,
            "custom.skin is compared with words here, and with a number in line 4",
        ),
    ],
)
def test_an_own_trait_is_either_a_number_or_a_word(old: str, new: str, line: int, message: str) -> None:
    found = mistake(old, new, OWN)
    assert f"line {line}:" in found.message and message in found.message, found.message
    assert "counts as unknown" in found.hint


def test_the_files_on_the_page_are_such() -> None:
    block, own, named = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert {one.name for one in load(block, 2).segmentations} == {"spenders", "size"}
    assert load(own, 2).features == ("custom.size",)
    assert load(named, 2).counted_events == {"Subscription Started", "Subscription Paid"}
    with pytest.raises(UserError) as caught:
        load(DEFAULT_TEXT.replace("lateness >= 2 exit 1.8", "latenes >= 2"), 2)
    shown = re.search(r"error: segments.toml, line \d+: (.*?)```", PAGE, re.DOTALL)
    assert shown is not None and caught.value.message.split(": ", 1)[1] == shown.group(1).rsplit("did", 1)[0].rstrip()
    assert caught.value.hint.startswith("did you mean lateness? features and segmentations: age_days, age_years, ")


def test_what_is_no_toml_or_too_much() -> None:
    with pytest.raises(UserError, match=r"is not TOML.*line 1"):
        load("a = [1,,2]", 2)
    with pytest.raises(UserError, match="declares no segmentation"):
        load("# nothing yet", 2)
    with pytest.raises(UserError, match="more than 200,000 bytes"):
        load("#" * 200_001, 2)
