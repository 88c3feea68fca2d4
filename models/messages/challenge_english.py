"""English messages of `learn challenge` and `learn approve`."""

from __future__ import annotations

from typing import Final

TEXTS: Final = {
    "challenge no sklearn": "scikit-learn is not installed",
    "challenge no sklearn fix": "run `pip install 'segment-streamer[evaluate]'`",
    "challenge no mlflow": "MLflow is not installed",
    "challenge no mlflow fix": "run `pip install 'segment-streamer[mlflow]'`",
    "challenge unknown": "unknown challenger: {names}",
    "challenge unknown fix": "challengers: {names}",
    "challenge too short": "{days:|day} of orders are too few to tune models and compare them on later days",
    "challenge too short fix": "about {days:|day} {days:~is|are} needed; a shorter --horizon needs fewer",
    "challenge no proposal": "{file} is not a challenger that this version can use",
    "challenge no proposal fix": "write one with `streamer learn challenge --proposal FILE`",
    "challenge title": "an order within {days:|day}: {customers:|customer} asked on {day}, {share} ordered",
    "challenge ranks": "model|AUC|Brier|log loss|lift|gain 1|gain 2",
    "challenge border": "an order is expected from a chance of {border} on; CPU seconds of search and fit, "
    "CPU microseconds to score one",
    "challenge costs": "model|accuracy|precision|recall|F1|search|fit|us",
    "challenge search": "no search saw anything from {day} on",
    "challenge looks": "looks on {first} and {last}; gain: log loss of the live model less the challenger's, in "
    "thousandths, at each look; other figures are of the second; below each its 95 % bootstrap interval",
    "challenge proposed": "proposed: {name} does surely better than the live model at both looks, and lanes can score "
    "it; products: {features}",
    "challenge better, but not for lanes": "{name} does surely better than the live model at both looks, but lanes "
    "cannot score it",
    "challenge none": "no challenger does surely better than the live model at both looks: nothing is proposed",
    "challenge settings": "settings: {settings}",
    "challenge chose": "{name} uses {features}",
    "challenge important": "log loss of {name} rises when a feature is shuffled: {features}",
    "challenge hint": "run again with --proposal FILE, then `streamer learn approve FILE` puts it in force",
    "challenge written": "written to {file}; `streamer learn approve {file}` puts it in force",
    "challenge registered": "{name}: {version} in MLflow",
    "challenge sent": "sent; the model owner takes it as soon as it runs (`streamer learn status`)",
    "challenge approved": "published as version {version} of the predictions; in force from the next midnight on",
    "challenge expected": "expected",
    "challenge came": "ordered",
    "challenge gain chart": "gain in log loss over the live model, second look",
    "challenge model": "model",
    "challenge calibration": "expected and actual share who ordered, by tenth of the chance",
    "challenge tenth": "tenth",
    "challenge as table": "as a table",
}
