"""Test the rule language: its meaning, and its error messages."""

from __future__ import annotations

from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules.conditions import Compare, Condition, Every, Member, Negation, Some, predicate
from models.rules.expressions import ExpressionError, Known, parse

KNOWN = Known(
    frozenset({"orders", "lateness", "recency_days", "spend"}),
    {"value": frozenset({"low", "high", "top"}), "country": None},
)


def holds(text: str, held: bool = False, **facts: float | str) -> bool:
    values = {name: value for name, value in facts.items() if not isinstance(value, str)}
    words = {name: value for name, value in facts.items() if isinstance(value, str)}
    return predicate(parse(text, KNOWN), held)(values, words)


def test_and_binds_closer_than_or_and_not_closest() -> None:
    assert parse("orders >= 1 or orders = 0 and not spend < 5", KNOWN) == Some(
        (
            Compare("orders", ">=", 1.0, 1.0),
            Every((Compare("orders", "=", 0.0, 0.0), Negation(Compare("spend", "<", 5.0, 5.0)))),
        )
    )
    assert parse("(orders >= 1 or orders = 0) and spend < 5", KNOWN) == Every(
        (Some((Compare("orders", ">=", 1.0, 1.0), Compare("orders", "=", 0.0, 0.0))), Compare("spend", "<", 5.0, 5.0))
    )


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("lateness >= 6 exit 5.5", Compare("lateness", ">=", 6.0, 5.5)),
        ("spend < 10 exit 12", Compare("spend", "<", 10.0, 12.0)),
        ("spend == 1_000.5", Compare("spend", "=", 1000.5, 1000.5)),
        ("spend > -2e3", Compare("spend", ">", -2000.0, -2000.0)),
        ("value is top", Member("value", frozenset({"top"}))),
        ("value is not top", Negation(Member("value", frozenset({"top"})))),
        ("value = 'top'", Member("value", frozenset({"top"}))),
        ("value != top", Negation(Member("value", frozenset({"top"})))),
        ("value in (high, top)", Member("value", frozenset({"high", "top"}))),
        ("value not in (high,top)", Negation(Member("value", frozenset({"high", "top"})))),
        ('country in ("Côte d\'Ivoire", DE)', Member("country", frozenset({"Côte d'Ivoire", "DE"}))),
        ("orders\n  >= 2", Compare("orders", ">=", 2.0, 2.0)),
        ("custom.size >= 40 exit 38", Compare("custom.size", ">=", 40.0, 38.0)),
        ("custom.size != 40", Compare("custom.size", "!=", 40.0, 40.0)),
        ("custom.skin-type is dry", Member("custom.skin-type", frozenset({"dry"}))),
        ("custom.size = '40'", Member("custom.size", frozenset({"40"}))),
        ("custom.\"skin type\" not in (dry, 'oily')", Negation(Member("custom.skin type", frozenset({"dry", "oily"})))),
        ("custom.肤质 is '干性'", Member("custom.肤质", frozenset({"干性"}))),
        ("known(custom.size)", Negation(Member("custom.size", frozenset({""})))),
    ],
)
def test_what_a_test_means(text: str, meaning: Condition) -> None:
    assert parse(text, KNOWN) == meaning


def test_what_is_not_known_passes_no_comparison_and_is_no_word() -> None:
    assert not holds("lateness != 3", lateness=nan) and not holds("lateness >= 3 or lateness < 3", lateness=nan)
    assert not holds("known(lateness)", lateness=nan) and holds("known(lateness)", lateness=-1e300)
    assert not holds("known(country)", country="") and holds("known(country)", country="DE")
    assert holds("country is not DE", country="") and not holds("country is DE", country="")


def test_the_exit_border_keeps_a_member_in_the_segment() -> None:
    text = "lateness >= 2 exit 1.8"
    assert not holds(text, lateness=1.9) and holds(text, held=True, lateness=1.9)


@pytest.mark.parametrize(
    ("text", "at", "message", "hint"),
    [
        ("order >= 2", 0, "unknown feature or segmentation 'order'", "did you mean orders?"),
        ("xyzzy >= 2", 0, "'xyzzy'", "features and segmentations: country, lateness, orders"),
        ("value is topp", 9, "no segment 'topp'", "did you mean top? segments of value: high, low, top"),
        ("orders is 2", 7, "orders is a number", "orders >= 10"),
        ("value >= 2", 6, "value is a word", "value in (...)"),
        ("orders >= top", 10, "orders is a number", "compare it with a number"),
        ("recency_days > lateness", 15, "no way to compute", "with a number"),
        ("custom.size >= large", 15, "custom.size is a number", "with a number"),
        ("custom.size >= custom.waist", 15, "no way to compute", "with a number"),
        ("country is custom.home", 11, "compared with custom.home", "a word"),
        ("custom >= 2", 0, "'custom'", "for a custom trait, write custom.NAME"),
        ("custom.'' >= 2", 0, "'custom.'", "custom.NAME"),
        ("orders * 2 > 5", 7, "'*' is not allowed here", "arithmetic is not supported"),
        ("spend / orders > 5", 6, "'/' is not allowed here", "arithmetic is not supported"),
        ("lateness >= 2 exit 3", 14, "is above the enter border 2", "must cross the enter border"),
        ("lateness < 2 exit 1", 13, "is below the enter border 2", "must cross the enter border"),
        ("orders = 2 exit 1", 11, "cannot have an exit border", "use >="),
        ("orders >= 2 orders", 12, "'and', 'or' or the end", ""),
        ("(orders >= 2", 12, "expected ')', found the end", ""),
        ("2 <= orders", 0, "name of a feature", ""),
        ("orders >=", 9, "expected a number, found the end", ""),
        ("known(orders >= 2)", 13, "expected ')'", ""),
        ("__import__('os')", 0, "'__import__'", ""),
        ("orders >= 1e999", 10, "too large", ""),
        ("", 0, "the name of a feature", ""),
        ("not " * 50 + "orders >= 1", 160, "the condition is too deeply nested", ""),
        ("orders >= 1 or " * 400 + "orders >= 1", 0, "more than 4,000 characters", "split"),
    ],
)
def test_an_error_says_where_and_what_to_do(text: str, at: int, message: str, hint: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text, KNOWN)
    assert (caught.value.position, message in caught.value.message) == (at, True), caught.value.message
    assert hint in caught.value.hint


def _border(op: str, enter: int, other: int) -> int:
    if op in ("=", "!="):
        return enter
    return min(enter, other) if op in (">=", ">") else max(enter, other)


CONDITIONS = st.recursive(
    st.one_of(
        st.builds(
            lambda name, op, a, b: Compare(name, op, float(a), float(_border(op, a, b))),
            st.sampled_from(sorted(KNOWN.numbers)),
            st.sampled_from([">=", ">", "<=", "<", "=", "!="]),
            st.integers(-9, 9),
            st.integers(-9, 9),
        ),
        st.frozensets(st.sampled_from(["low", "high", "top"]), min_size=1).map(lambda words: Member("value", words)),
    ),
    lambda inner: st.one_of(
        inner.map(Negation),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: Every(tuple(parts))),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: Some(tuple(parts))),
    ),
    max_leaves=12,
)


def written(condition: Condition) -> str:
    """Return a condition as text, with all brackets."""
    match condition:
        case Compare(name, op, enter, leave):
            return f"{name} {op} {enter}" + ("" if op in ("=", "!=") else f" exit {leave}")
        case Member(name, words):
            return f"{name} in ({', '.join(sorted(words))})"
        case Negation(part):
            return f"not ({written(part)})"
        case Every(parts):
            return " and ".join(f"({written(part)})" for part in parts)
        case Some(parts):
            return " or ".join(f"({written(part)})" for part in parts)


@given(CONDITIONS)
def test_what_is_written_down_is_read_as_it_was(condition: Condition) -> None:
    assert parse(written(condition), KNOWN) == condition


@given(st.text(alphabet="orders value lateness>=<!()0123456789.,'\"\n andotxik", max_size=60))
def test_any_text_is_a_condition_or_a_reported_mistake(text: str) -> None:
    try:
        parse(text, KNOWN)
    except ExpressionError as error:
        assert error.message and error.hint and 0 <= error.position <= len(text)
