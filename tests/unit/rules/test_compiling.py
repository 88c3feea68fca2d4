from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules.compiling import chooser_of, comparison
from models.rules.conditions import OPERATORS, Compare, Condition, Every, Member, Negation, Some, predicate

NUMBERS = st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e300, 5e-324, 0.1, inf, -inf, nan])
NAMES = st.sampled_from(["a", "b'\"\\", "c}{\n", "__import__('os')"])
LEAVES = st.one_of(
    st.builds(Compare, NAMES, st.sampled_from(list(OPERATORS)), NUMBERS.filter(lambda x: x == x), NUMBERS.filter(bool)),
    st.builds(Member, NAMES, st.frozensets(NAMES, max_size=2)),
)
CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Every, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Some, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Negation, inner),
    ),
    max_leaves=8,
)
FACTS = st.fixed_dictionaries(dict.fromkeys(("a", "b'\"\\", "c}{\n", "__import__('os')"), NUMBERS))


def holds(condition: Condition, held: bool, values: dict[str, float], words: dict[str, str]) -> bool:
    """Evaluate a condition, spelled out."""
    match condition:
        case Compare(feature, op, enter, leave):
            return OPERATORS[op](values[feature], leave if held else enter)
        case Member(segmentation, wanted):
            return words.get(segmentation) in wanted
        case Every(parts):
            return all(holds(part, held, values, words) for part in parts)
        case Some(parts):
            return any(holds(part, held, values, words) for part in parts)
        case Negation(part):
            return not holds(part, held, values, words)


@given(CONDITIONS, st.booleans(), FACTS, st.dictionaries(NAMES, NAMES))
def test_a_compiled_condition_is_what_the_condition_says(
    condition: Condition, held: bool, values: dict[str, float], words: dict[str, str]
) -> None:
    assert predicate(condition, held)(values, words) is holds(condition, held, values, words)


def test_the_first_that_holds_is_chosen_and_the_last_needs_no_condition() -> None:
    choose = chooser_of([comparison("a", ">", 2.0), comparison("a", ">", 1.0), "True"])
    assert [choose({"a": a}, {}) for a in (3.0, 1.5, 0.0, nan)] == [0, 1, 2, 2]
    assert chooser_of(["True"])({}, {}) == 0


def test_compiled_conditions_reach_nothing_but_the_facts() -> None:
    with pytest.raises(KeyError):
        predicate(Compare("open('x')", ">=", 1.0, 1.0), False)({}, {})
