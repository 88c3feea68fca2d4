from __future__ import annotations

import numpy as np
import pytest
from behaviour_cases import SEGMENTS

from models.behaviour.features import NAMES
from models.learning.identity import carried, overlaps, transitions
from models.learning.naming import PROTOTYPES, TRAITS, id_for, names_for, prototype_of, stretched_ranks, untrue


def ranks(**rows: dict[str, float]) -> np.ndarray:
    table = np.full((len(rows), len(TRAITS)), 0.5)
    for i, values in enumerate(rows.values()):
        for trait, value in values.items():
            table[i, TRAITS.index(trait)] = value
    return table


def test_prototypes_find_their_clusters() -> None:
    table = ranks(
        a={"discount_share": 1.0, "orders": 0.6},
        b={"orders": 1.0, "money": 1.0, "clicks": 0.9, "recency_days": 0.0},
        c={"orders": 0.0, "clicks": 0.0, "money": 0.0, "recency_days": 1.0},
        d={"browse_to_buy": 1.0, "clicks": 1.0, "orders": 0.1},
        e={"basket": 1.0, "orders": 0.3, "money": 0.7},
    )
    names = names_for(table, range(5), set())
    assert [names[i] for i in range(5)] == ["Bargain hunters", "Champions", "Hibernating", "Browsers", "Big-ticket"]


@pytest.mark.parametrize("breadth", [0.8, 0.85, 0.9])
def test_a_name_of_second_choice_does_not_take_turns_with_a_usual_one(breadth: float) -> None:
    """Those who buy often buy many things, so one panel would call them loyal and another explorers."""
    often = {
        "orders": 0.66,
        "clicks": 0.37,
        "money": 0.63,
        "browse_to_buy": 0.0,
        "basket": 0.37,
        "discount_share": 0.06,
    }
    table = ranks(a={**often, "breadth": breadth, "recency_days": 0.39}, b={"orders": 1.0, "money": 1.0, "clicks": 0.9})
    assert names_for(table, [0], set()) == {0: "Loyal"}
    assert names_for(table, [0], {"Loyal"}) == {0: "Explorers"}


def test_a_name_in_use_is_not_given_again_and_ids_never() -> None:
    table = ranks(a={"orders": 1.0, "money": 1.0, "clicks": 0.9, "recency_days": 0.0})
    assert names_for(table, [0], {"Champions"}) != {0: "Champions"}
    assert id_for("At risk", set()) == "at_risk"
    assert id_for("At risk", {"at_risk", "at_risk_2"}) == "at_risk_3"


def test_there_is_a_name_for_everybody() -> None:
    names = names_for(np.full((12, len(TRAITS)), 0.5), range(12), set())
    assert len(set(names.values())) == 12


def test_ranks_do_not_depend_on_the_order_of_customers_with_equal_values() -> None:
    rng = np.random.default_rng(0)
    traits = rng.integers(0, 3, (60, len(TRAITS))).astype(float)
    labels = rng.integers(0, 3, 60)
    order = rng.permutation(60)
    assert np.allclose(stretched_ranks(traits, labels, 3), stretched_ranks(traits[order], labels[order], 3))
    assert stretched_ranks(traits, labels, 3).min() == 0.0


def test_identity_goes_to_the_best_overlap_one_to_one() -> None:
    old = np.repeat([0, 1, 2], [50, 30, 20])
    new = np.concatenate([np.full(45, 2), np.full(5, 0), np.full(30, 0), np.full(20, 1)])
    table = overlaps(old, new, 3, 3)
    assert carried(table) == [1, 2, 0]
    scattered = overlaps(np.repeat([0, 1], 50), np.tile([0, 1, 2, 3], 25), 2, 4)
    assert carried(scattered) == [None] * 4


def test_the_record_holds_splits_merges_births_and_deaths() -> None:
    a, b, c, d = SEGMENTS
    table = np.array([[30.0, 30.0], [0.0, 2.0], [0.0, 2.0]])
    record = transitions(table, (a, b, c), (a, d))
    kinds = {(t.kind, t.before, t.after) for t in record}
    assert ("survive", ("busy",), ("busy",)) in kinds
    assert ("split", ("busy",), ("busy", "steady")) in kinds
    assert ("vanish", ("looking",), ()) in kinds and ("vanish", ("quiet",), ()) in kinds
    assert ("appear", (), ("steady",)) in kinds
    assert ("merge", ("busy", "looking", "quiet"), ("steady",)) in kinds
    assert next(t for t in record if t.kind == "survive").overlap == pytest.approx(0.5)


def profile(**groups: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
    """Return features of two members of each group, all else being equal, and the labels."""
    x = np.zeros((2 * len(groups), len(NAMES)))
    for i, values in enumerate(groups.values()):
        for name, value in values.items():
            x[2 * i : 2 * i + 2, NAMES.index(name)] = value
    return x, np.repeat(np.arange(len(groups)), 2)


def test_a_name_that_would_be_untrue_is_not_given_however_well_it_ranks() -> None:
    """One is the highest in everything, but by a tenth: neither much money nor a large basket. Nobody is late."""
    x, labels = profile(a={"basket": 0.1, "money": 0.1, "orders": 0.1}, b={})
    barred = untrue(x, np.full(4, 0.9), labels, 2)
    assert barred[0] >= {
        "Big-ticket",
        "Champions",
        "Browsers",
        "Bargain hunters",
        "Occasional",
        "At risk",
        "Hibernating",
    }
    assert barred[0].isdisjoint({"Loyal", "Regulars", "Moderate"}) and barred[1] >= {"Loyal", "Regulars", "Specialists"}
    ranks_of_a = ranks(
        a={"basket": 1.0, "orders": 0.35, "money": 0.7}, b={"recency_days": 1.0, "orders": 0.0, "money": 0.0}
    )
    names = names_for(ranks_of_a, [0, 1], set(), False, barred)
    assert names[0] not in barred[0] and names[1] not in barred[1]
    assert names_for(ranks_of_a, [0, 1], set()) == {0: "Big-ticket", 1: "Hibernating"}


def test_who_is_late_by_their_own_gap_may_be_named_leaving() -> None:
    x, labels = profile(a={"orders": -0.5}, b={})
    assert "Hibernating" in untrue(x, np.array([1.4, 1.4, 0.1, 0.1]), labels, 2)[0]
    assert "Hibernating" not in untrue(x, np.array([1.6, 1.6, 0.1, 0.1]), labels, 2)[0]
    assert untrue(x, np.zeros(4), labels, 2, steps=True)[0] == {"At risk", "Hibernating", "Fading"}


def test_where_nothing_is_true_the_name_is_a_letter() -> None:
    barred = [set(PROTOTYPES)] * 3
    names = names_for(np.full((3, len(TRAITS)), 0.5), range(3), {"Moderate", "Segment A"}, False, barred)
    assert names == {0: "Segment B", 1: "Segment C", 2: "Segment D"}
    assert id_for("Segment B", set()) == "segment_b" and prototype_of("segment_b") == ""
