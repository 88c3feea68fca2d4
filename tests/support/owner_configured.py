"""Run a model owner with its learning settings in ``OWNER_CONFIG``, because a small shop must reach a proposal in seconds."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from models.learning.clusterer_choice import ClustererChoice
from models.learning.learner import LearnerConfig
from streamer.config.settings import Settings
from streamer.runtime import process


def _configured(settings: Settings) -> LearnerConfig:
    given: dict[str, Any] = json.loads(os.environ["OWNER_CONFIG"])
    clusterer = ClustererChoice.parse(settings.clusterer)
    return LearnerConfig(clusterer=clusterer, **{**given, "frame_days": tuple(given["frame_days"])})


if __name__ == "__main__":
    Settings.learner_config = _configured  # type: ignore[method-assign, assignment]
    sys.exit(process.main())
