"""The model owner's schedule: pure functions of its state, its configuration and a grid day."""

from __future__ import annotations

from models.learning.backtest import SPACING_DAYS
from models.learning.owner_types import LearnerConfig, State


def frames_due(state: State, config: LearnerConfig, day: int) -> int:
    """Return the number of frames due at the shop's age."""
    age = day - (state.shop_first_day if state.shop_first_day is not None else day)
    return sum(age >= due for due in config.frame_days)


def waits(state: State, config: LearnerConfig, day: int) -> bool:
    """Return whether the weekly update is not yet due; a frame does not wait for it."""
    return state.last_update is not None and day - state.last_update < config.cadence_days


def standing(state: State, config: LearnerConfig, day: int) -> str:
    """Return the outcome to report between two updates."""
    if state.last_update is not None:
        return "kept"
    first = state.shop_first_day
    return "immature" if first is None or day - first < config.frame_days[0] else "too_few"


def next_day(state: State, config: LearnerConfig, day: int) -> int:
    """Return the first day after ``day`` on which the owner has something to do."""
    first = state.shop_first_day
    if first is None:
        return day + 1
    frames = [first + age for age in config.frame_days if first + age > day]
    if state.last_update is not None:
        due = state.last_update + config.cadence_days
    elif day - first < config.frame_days[0]:
        # Until the shop is old enough, the owner only keeps noise samples.
        due = (day // SPACING_DAYS + 1) * SPACING_DAYS
    else:
        due = day + config.cadence_days
    return max(day + 1, min([due, *frames]))


def number_is_due(state: State, config: LearnerConfig, day: int) -> bool:
    """Return whether the number of segments is due for a check."""
    looked = state.last_k_look
    return looked is None or day - looked >= config.k_cadence_days


def new_frame_is_due(state: State, config: LearnerConfig, day: int) -> bool:
    """Return whether drift may cause a proposal of a new frame: at most monthly, without another change pending."""
    recent = state.last_alarm is not None and day - state.last_alarm < SPACING_DAYS
    # While frames are still due, the next one comes on schedule.
    maturing = state.frames_done < len(config.frame_days)
    return not (recent or maturing or state.beaten or state.proposal is not None)
