"""The clusterer that the model owner runs between two frames: a name and its parameters, as written in a setting.

``PanelKMeans`` is ours. ``KMeans`` and ``STREAMKMeans`` are River's, with River's own parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from schemas.errors import UserError

OURS: Final = "PanelKMeans"


@dataclass(frozen=True, slots=True)
class _Parameter:
    """One parameter: its default, and its smallest and largest valid value."""

    default: float
    least: float
    most: float
    whole: bool = False

    @property
    def allowed(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        return f"{kind} from {self.least:g} to {self.most:g}"


_DRAWS: Final = {"mu": _Parameter(0.0, -100, 100), "sigma": _Parameter(1.0, 0, 100)}
_SEED: Final = _Parameter(1, 0, 2**31 - 1, whole=True)
PARAMETERS: Final[Mapping[str, Mapping[str, _Parameter]]] = {
    OURS: {"steps": _Parameter(3, 0, 50, whole=True)},
    "KMeans": {"halflife": _Parameter(0.005, 1e-6, 1), "p": _Parameter(2, 1, 8, whole=True), "seed": _SEED},
    "STREAMKMeans": {
        "chunk_size": _Parameter(500, 2, 10_000, whole=True),
        "halflife": _Parameter(0.05, 1e-6, 1),
        "p": _Parameter(2, 1, 8, whole=True),
        **_DRAWS,
        "seed": _SEED,
    },
}
"""Parameters of each clusterer.

The owner chooses the number of clusters and the first centres, so ``KMeans`` needs neither ``mu`` nor ``sigma``, with
which River draws centres. ``STREAMKMeans`` draws centres for each chunk.
"""
EXAMPLES: Final = "PanelKMeans, KMeans:halflife=0.005 or STREAMKMeans:chunk_size=500,halflife=0.05"


@dataclass(frozen=True, slots=True)
class ClustererChoice:
    """A clusterer by name, with explicitly set parameters.

    >>> str(ClustererChoice.parse("KMeans:halflife=0.01"))
    'KMeans:halflife=0.01'
    >>> ClustererChoice.parse("KMeans").options
    {'halflife': 0.005, 'p': 2, 'seed': 1}
    """

    name: str = OURS
    given: tuple[tuple[str, float], ...] = ()

    @classmethod
    def parse(cls, text: str) -> ClustererChoice:
        """Parse a text such as ``KMeans:halflife=0.005``.

        Raises
        ------
        UserError
            Unknown clusterer, unknown parameter, or value out of range.
        """
        name, _, rest = text.strip().partition(":")
        known = PARAMETERS.get(name)
        if known is None:
            raise UserError(f"{name or repr(text)} is not a known clusterer", f"write {EXAMPLES}")
        given: dict[str, float] = {}
        for part in filter(None, (part.strip() for part in rest.split(","))):
            parameter, _, value = part.partition("=")
            if parameter not in known:
                raise UserError(f"{name} has no parameter {parameter}", f"parameters: {', '.join(known)}")
            given[parameter] = _number(name, parameter, value, known[parameter])
        return cls(name, tuple(given.items()))

    @property
    def ours(self) -> bool:
        """Whether this is our own clusterer."""
        return self.name == OURS

    @property
    def options(self) -> dict[str, float]:
        """All parameters with their values, including defaults."""
        return {name: one.default for name, one in PARAMETERS[self.name].items()} | dict(self.given)

    def __str__(self) -> str:
        return self.name + ":" * bool(self.given) + ",".join(f"{name}={value:g}" for name, value in self.given)


def _number(clusterer: str, name: str, text: str, parameter: _Parameter) -> float:
    try:
        value = int(text) if parameter.whole else float(text)
    except ValueError:
        value = parameter.least - 1
    # Written so that NaN is rejected.
    if not parameter.least <= value <= parameter.most:
        raise UserError(f"{clusterer}: {name} cannot be {text or 'empty'}", f"allowed: {parameter.allowed}")
    return value
