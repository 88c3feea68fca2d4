"""CPU by stage: a sampler that interrupts the program every millisecond of CPU and looks at its stack."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Mapping
from types import CodeType, FrameType

_INTERVAL_SECONDS = 0.001


class Sampler:
    """Counts samples by stage, determined by the innermost function that belongs to a stage.

    Parameters
    ----------
    stages
        Code objects of functions, each with its stage; functions that they call count for the same stage.
    """

    def __init__(self, stages: Mapping[CodeType, str]) -> None:
        self._stages = stages
        self.samples: Counter[str] = Counter()
        self.functions: Counter[str] = Counter()

    def start(self) -> None:
        """Take samples of this thread from now on."""
        signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, _INTERVAL_SECONDS, _INTERVAL_SECONDS)

    def stop(self) -> None:
        """Stop sampling."""
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, signal.SIG_IGN)

    def _sample(self, signum: int, frame: FrameType | None) -> None:
        if frame is not None:
            code = frame.f_code
            self.functions[f"{code.co_filename.rsplit('/', 1)[-1]}:{frame.f_lineno} {code.co_qualname}"] += 1
        while frame is not None:
            stage = self._stages.get(frame.f_code)
            if stage is not None:
                self.samples[stage] += 1
                return
            frame = frame.f_back
        self.samples["rest"] += 1
