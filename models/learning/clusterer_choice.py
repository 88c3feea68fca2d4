"""Which clusterer the model owner runs between two frames: a name and its parameters, as a setting writes them.

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
    """One parameter: its value where none is given, and the least and the largest that make sense."""

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
"""Parameters of each clusterer. The number of clusters is chosen by the owner, and the first centres are its own, so
``KMeans`` has no use for the ``mu`` and ``sigma`` that River draws centres with; ``STREAMKMeans`` draws for each chunk."""
EXAMPLES: Final = "PanelKMeans, KMeans:halflife=0.005 or STREAMKMeans:chunk_size=500,halflife=0.05"


@dataclass(frozen=True, slots=True)
class ClustererChoice:
    """A clusterer by name, with the parameters that were given.

    >>> str(ClustererChoice.parse("KMeans:halflife=0.01"))
    'KMeans:halflife=0.01'
    >>> ClustererChoice.parse("KMeans").options
    {'halflife': 0.005, 'p': 2, 'seed': 1}
    """

    name: str = OURS
    given: tuple[tuple[str, float], ...] = ()

    @classmethod
    def parse(cls, text: str) -> ClustererChoice:
        """The choice that a text such as ``KMeans:halflife=0.005`` makes.

        Raises
        ------
        UserError
            No clusterer of that name, no such parameter of it, or a value out of range.
        """
        name, _, rest = text.strip().partition(":")
        known = PARAMETERS.get(name)
        if known is None:
            raise UserError(f"{name or repr(text)} is not a clusterer", f"write {EXAMPLES}")
        given: dict[str, float] = {}
        for part in filter(None, (part.strip() for part in rest.split(","))):
            parameter, _, value = part.partition("=")
            if parameter not in known:
                raise UserError(f"{name} has no parameter {parameter}", f"it has {', '.join(known)}")
            given[parameter] = _number(name, parameter, value, known[parameter])
        return cls(name, tuple(given.items()))

    @property
    def ours(self) -> bool:
        """Whether this is the program's own clusterer."""
        return self.name == OURS

    @property
    def options(self) -> dict[str, float]:
        """All parameters with their values."""
        return {name: one.default for name, one in PARAMETERS[self.name].items()} | dict(self.given)

    def __str__(self) -> str:
        return self.name + ":" * bool(self.given) + ",".join(f"{name}={value:g}" for name, value in self.given)


def _number(clusterer: str, name: str, text: str, parameter: _Parameter) -> float:
    try:
        value = int(text) if parameter.whole else float(text)
    except ValueError:
        value = parameter.least - 1
    # Written so that what is not a number is refused.
    if not parameter.least <= value <= parameter.most:
        raise UserError(f"{clusterer}: {name} cannot be {text or 'empty'}", f"it may be {parameter.allowed}")
    return value
