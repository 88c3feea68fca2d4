"""The default segmentations of a shop that declares none: ``segments.toml`` beside this module, as version 1.

Lanes that never received another version use this one, so its content is part of the log: a later release may add
inactive segmentations to the file, but must not change active ones.
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
    """Return the definitions with every inactive segmentation activated."""
    return load(re.sub(r"(?m)^active = false$", "", DEFAULT_TEXT), 1)
