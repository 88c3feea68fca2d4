"""On which days the model owner has something to do: pure questions about its state, its configuration and a grid day."""

from __future__ import annotations

from models.learning.backtest import SPACING_DAYS
from models.learning.owner_types import LearnerConfig, State


def frames_due(state: State, config: LearnerConfig, day: int) -> int:
    """How many frames the shop is old enough for."""
    age = day - (state.shop_first_day if state.shop_first_day is not None else day)
    return sum(age >= due for due in config.frame_days)


def waits(state: State, config: LearnerConfig, day: int) -> bool:
    """Whether the weekly update is still to come; a frame does not wait for it."""
    return state.last_update is not None and day - state.last_update < config.cadence_days


def standing(state: State, config: LearnerConfig, day: int) -> str:
    """What holds between two looks."""
    if state.last_update is not None:
        return "kept"
    first = state.shop_first_day
    return "immature" if first is None or day - first < config.frame_days[0] else "too_few"


def next_day(state: State, config: LearnerConfig, day: int) -> int:
    """The first day after ``day`` on which there is something to do."""
    first = state.shop_first_day
    if first is None:
        return day + 1
    frames = [first + age for age in config.frame_days if first + age > day]
    if state.last_update is not None:
        due = state.last_update + config.cadence_days
    elif day - first < config.frame_days[0]:
        # Until the shop is old enough, only noise samples are kept.
        due = (day // SPACING_DAYS + 1) * SPACING_DAYS
    else:
        due = day + config.cadence_days
    return max(day + 1, min([due, *frames]))


def number_is_due(state: State, config: LearnerConfig, day: int) -> bool:
    """Whether a look at the number of segments is due."""
    looked = state.last_k_look
    return looked is None or day - looked >= config.k_cadence_days


def new_frame_is_due(state: State, config: LearnerConfig, day: int) -> bool:
    """Whether a drift may propose a new frame: monthly at most, and while nothing else is about to change."""
    recent = state.last_alarm is not None and day - state.last_alarm < SPACING_DAYS
    # While frames are still due, the next one comes by itself.
    maturing = state.frames_done < len(config.frame_days)
    return not (recent or maturing or state.beaten or state.proposal is not None)
