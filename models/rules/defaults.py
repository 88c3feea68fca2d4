"""The segmentations a shop gets without writing any: ``segments.toml`` beside this module, as version 1.

Lanes that never heard of another version are at this one, so what it says is part of the log: a later release may add
to the file what is not active, but what is active stays as it was.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from models.rules.declared import load
from models.rules.definitions import Definitions

DEFAULT_TEXT = (files("models") / "segments.toml").read_text(encoding="utf-8")
DEFAULTS = load(DEFAULT_TEXT, 1)


@cache
def with_all_active() -> Definitions:
    """The same file with every segmentation switched on that is off in it."""
    return load(re.sub(r"(?m)^active = false$", "", DEFAULT_TEXT), 1)
