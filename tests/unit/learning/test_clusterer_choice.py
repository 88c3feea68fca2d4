from __future__ import annotations

import pytest

from models.learning.clusterer_choice import OURS, PARAMETERS, ClustererChoice
from models.learning.river_centres import RiverCentres
from schemas.errors import UserError


def test_a_name_alone_takes_the_defaults_and_what_is_given_comes_before_them() -> None:
    assert ClustererChoice() == ClustererChoice.parse(OURS) and ClustererChoice().ours
    choice = ClustererChoice.parse(" STREAMKMeans: chunk_size=40 ,halflife=0.2 ")
    assert not choice.ours
    assert choice.options == {"chunk_size": 40, "halflife": 0.2, "p": 2, "mu": 0.0, "sigma": 1.0, "seed": 1}
    assert isinstance(choice.options["chunk_size"], int)
    assert ClustererChoice.parse(str(choice)) == choice


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("DBSTREAM", "DBSTREAM is not a known clusterer", "PanelKMeans, KMeans:halflife"),
        ("", "'' is not a known clusterer", "write PanelKMeans"),
        ("KMeans:n_clusters=4", "KMeans has no parameter n_clusters", "parameters: halflife, p, seed"),
        ("KMeans:halflife=0", "KMeans: halflife cannot be 0", "a number from 1e-06 to 1"),
        ("KMeans:halflife=nan", "KMeans: halflife cannot be nan", "a number from 1e-06 to 1"),
        ("KMeans:halflife", "KMeans: halflife cannot be empty", "a number from"),
        ("STREAMKMeans:chunk_size=2.5", "STREAMKMeans: chunk_size cannot be 2.5", "a whole number from 2 to 10000"),
        ("PanelKMeans:steps=99", "PanelKMeans: steps cannot be 99", "a whole number from 0 to 50"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(text: str, message: str, hint: str) -> None:
    with pytest.raises(UserError) as refused:
        ClustererChoice.parse(text)
    assert refused.value.message == message
    assert hint in (refused.value.hint or "")


@pytest.mark.parametrize("name", sorted(set(PARAMETERS) - {OURS}))
def test_river_knows_every_parameter_that_is_offered(name: str) -> None:
    import numpy as np

    RiverCentres(ClustererChoice.parse(name), np.eye(3))
