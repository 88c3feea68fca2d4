"""The owner's learning of predictions: weekly questions, a step per answered week, versions on material change.

Every panel customer is a question once a week, answered when the week is over. State is kept by data day: a question of
day w uses nothing later than w, because its features are stored with it and order records are stored by the day up to
which they hold.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Final

import numpy as np

from models.behaviour.layout import BoolArray, FloatArray
from models.behaviour.panel import NO_ORDERS, PanelRow, in_panel
from models.prediction.cells import CELLS, cell_of, chances_of, observe
from models.prediction.challenger import Challenger, prior_of
from models.prediction.dropout import Dropout, fitted
from models.prediction.fallback import Trust, judged
from models.prediction.features import features, total
from models.prediction.hazard import WEEK, logistic
from models.prediction.judge import judge, losses
from models.prediction.model import ALIVE_DAYS, CELLS_FORM, HAZARD_FORM, PredictionModel, first_version
from models.prediction.order_record import OrderRecord, side_by_side
from models.prediction.prior import shipped
from models.prediction.products import Pair, with_products
from models.prediction.progress import calibration_changed, no_answers, noted
from models.prediction.records import Records
from models.prediction.recursion import Belief, forgotten, learned

MONDAY: Final = 4
"""Days with this remainder modulo 7 are Mondays, when questions are asked."""
LATE_DAYS: Final = 1
"""Days that an answer waits for late records."""
MATERIAL: Final = 0.01
"""Minimum root mean square change of the 30-day order probability that justifies a version."""
MATERIAL_ORDERS: Final = 0.05
"""Minimum relative change of all orders expected in 90 days that justifies a version."""
_LEAST_ASKED: Final = 30
"""Minimum number of customers to learn from a week."""
_MONEY_WEEKS: Final = 4
_REVISED_DAYS: Final = 4 * WEEK
"""Days after which an answer is checked again for late records and reversals."""
_KEPT_WEEKS: Final = 52


@dataclass(slots=True)
class Question:
    """The customers asked on a day, with their features (d, n) and cells (n,) as of that day."""

    day: int
    customers: list[str]
    x: FloatArray
    cells: FloatArray

    def keep(self, stay: BoolArray) -> None:
        """Keep only the customers whose entry in ``stay`` (n,) is True."""
        self.customers = [one for one, stays in zip(self.customers, stay.tolist(), strict=True) if stays]
        self.x, self.cells = self.x[:, stay], self.cells[stay]


@dataclass(slots=True)
class Closed:
    """An answered question: the customers, and whether each ordered, 0 or 1, (n,)."""

    day: int
    customers: list[str]
    came: FloatArray

    def keep(self, stay: BoolArray) -> None:
        """Keep only the customers whose entry in ``stay`` (n,) is True."""
        self.customers = [one for one, stays in zip(self.customers, stay.tolist(), strict=True) if stays]
        self.came = self.came[stay]


@dataclass(frozen=True, slots=True)
class Week:
    """Prediction quality of one week, evaluated before the week was learned, by the owner's hazard at that time.

    Attributes
    ----------
    day
        Day of the questions.
    customers, buyers
        Number of customers, and of those who ordered.
    expected
        Expected number of buyers.
    auc, log_loss, brier
        Metrics as in `models.prediction.judge`.
    cells_log_loss
        Log loss of the 25 cells.
    fallback
        Whether the cells were in force after this week.
    drifted
        Whether River's detector reported a change of calibration by this week.
    """

    day: int
    customers: int
    buyers: int
    expected: float
    auc: float
    log_loss: float
    brier: float
    cells_log_loss: float
    fallback: bool = False
    drifted: bool = False


@dataclass(slots=True)
class PredictorState:
    """The learned state, apart from the panel.

    Attributes
    ----------
    belief
        Posterior of the weights.
    dropout
        Parameters for orders and money, fitted every four weeks.
    cells
        Questions and buyers by cell, (2, CELLS).
    asked_until
        Day of the last questions; -1 before the first.
    versions
        Number of versions published.
    published
        The version in force.
    trust
        Recent performance of the weights, and whether the cells replace them.
    checked, revised
        Answers checked again after four weeks, and how many of them had changed. They are not learned again.
    pairs, approved
        Products of features, and the weights that learning forgets towards, of an approved challenger; empty without.
    sums
        All answers as sums (`models.prediction.progress`).
    """

    belief: Belief = field(default_factory=shipped)
    dropout: Dropout = field(default_factory=lambda: first_version().dropout)
    cells: FloatArray = field(default_factory=lambda: np.zeros((2, CELLS)))
    asked_until: int = -1
    weeks_learned: int = 0
    versions: int = 0
    published: PredictionModel = field(default_factory=first_version)
    trust: Trust = field(default_factory=Trust)
    checked: int = 0
    revised: int = 0
    pairs: tuple[Pair, ...] = ()
    approved: tuple[float, ...] = ()
    sums: FloatArray = field(default_factory=no_answers)

    @property
    def prior(self) -> Belief:
        """The belief that learning forgets towards."""
        return prior_of(self.approved)


class Predictor:
    """Learns from panel rows; pure. ``predictor_snapshot`` stores and restores it."""

    def __init__(self) -> None:
        self.shift = 0
        # Each customer's records by the day up to which they hold, oldest first.
        self.members: dict[str, list[tuple[int, OrderRecord]]] = {}
        self.open: list[Question] = []
        # Answers to check again, oldest first.
        self.closed: list[Closed] = []
        self.weeks: list[Week] = []
        self.state = PredictorState()

    # -- records from lanes -------------------------------------------------------------------------------------------

    def observe(self, row: PanelRow) -> None:
        """Add a panel row: a customer's order record on the open day, or the customer's removal."""
        if not row.blob:
            self._forget({row.customer})
            return
        if row.orders == NO_ORDERS:
            # No order counts: either the last one was reversed, or there is none yet.
            self.members.pop(row.customer, None)
            return
        if not in_panel(row.customer, self.shift):
            return
        history = self.members.setdefault(row.customer, [])
        # Records of this day, or of later days before a merge, are obsolete.
        while history and history[-1][0] >= row.day:
            history.pop()
        history.append((row.day, OrderRecord.read(bytes(row.orders))))

    def set_shift(self, shift: int) -> None:
        """Switch to a sparser panel, one in 2**shift; customers outside it are dropped."""
        self.shift = shift
        self._forget({one for one in self._named() if not in_panel(one, shift)})

    def _named(self) -> set[str]:
        """Return all customers with records, questions or answers."""
        return {*self.members, *(customer for asked in self._asked() for customer in asked.customers)}

    def _asked(self) -> list[Question | Closed]:
        return [*self.open, *self.closed]

    def _forget(self, gone: Collection[str]) -> None:
        """Drop customers, including their open questions and answers."""
        for customer in gone:
            self.members.pop(customer, None)
        for asked in self._asked():
            stay = np.array([one not in gone for one in asked.customers], dtype=bool)
            if not stay.all():
                asked.keep(stay)

    # -- learning -------------------------------------------------------------------------------------------------

    def learn(self, day: int) -> PredictionModel | None:
        """Ask and answer everything due by a grid day, in day order; return a new version, or None."""
        state, before = self.state, self.state.weeks_learned
        if not self.members and not self.open:
            return None
        following = self._next_question(day)
        while True:
            due = self.open[0].day + WEEK + LATE_DAYS if self.open else None
            # A day is over when a later one has begun.
            if due is not None and due <= day and (following is None or due <= following + 1):
                self._answer(self.open.pop(0))
            elif following is not None and following + 1 <= day:
                self._ask(following)
                following += WEEK
            else:
                break
        if state.weeks_learned == before:
            return None
        return self._version(day)

    def _next_question(self, day: int) -> int | None:
        """Return the next day with questions to ask; None before the first order."""
        if self.state.asked_until >= 0:
            return self.state.asked_until + WEEK
        first = min((history[0][0] for history in self.members.values()), default=None)
        return None if first is None else first + (MONDAY - first) % WEEK

    def _ask(self, day: int) -> None:
        self.state.asked_until = day
        asked = []
        for customer in sorted(self.members):
            record = self._record_before(customer, day)
            if record is not None and record.last < day <= record.last + ALIVE_DAYS:
                asked.append((customer, record))
        if asked:
            records = side_by_side([record for _, record in asked])
            records = records.against(records.median_basket)
            x = features(records, day).astype(np.float32).astype(np.float64)
            cells = cell_of(records, day).astype(np.float64)
            self.open.append(Question(day, [customer for customer, _ in asked], x, cells))
        self._drop_what_is_over(day)

    def _record_before(self, customer: str, day: int) -> OrderRecord | None:
        """Return the customer's record at the start of a day."""
        for at, record in reversed(self.members[customer]):
            if at < day:
                return record
        return None

    def _drop_what_is_over(self, day: int) -> None:
        """Drop records that no open question needs, except the newest, and long-inactive customers."""
        needed = min([day, *(question.day for question in self.open)])
        for customer, history in list(self.members.items()):
            while len(history) > 1 and history[1][0] < needed:
                history.pop(0)
            if day - history[-1][1].last > ALIVE_DAYS + 2 * WEEK:
                del self.members[customer]

    def _answer(self, question: Question) -> None:
        """Evaluate a week's predictions, then learn its answers."""
        end = question.day + WEEK + LATE_DAYS
        self._look_again(end)
        came = self._who_came(question.customers, question.day, end)
        self.closed.append(Closed(question.day, question.customers, came))
        if len(came) < _LEAST_ASKED:
            return
        state = self.state
        chances = logistic(total(state.belief.mean, with_products(question.x, state.pairs)))
        cells = question.cells.astype(np.int64)
        by_cell = chances_of(*state.cells)[cells] if state.cells[0].sum() else np.array(first_version().cells)[cells]
        sound = bool(np.isfinite(chances).all())
        chances = chances if sound else by_cell
        found, other = judge(chances, came), judge(by_cell, came)
        fallen, loss = state.trust.fallen, found.log_loss if sound else inf
        variance = float((losses(chances, came) - losses(by_cell, came)).var() / len(came))
        state.trust = judged(state.trust, loss, other.log_loss, variance, float(came.mean()))
        state.sums = noted(state.sums, chances, came)
        expected, buyers = float(chances.sum()), int(came.sum())
        drifted = calibration_changed([*((one.expected, one.buyers) for one in self.weeks), (expected, buyers)])
        self.weeks.append(
            Week(
                question.day,
                len(came),
                buyers,
                expected,
                found.auc,
                found.log_loss,
                found.brier,
                other.log_loss,
                state.trust.fallen,
                drifted,
            )
        )
        del self.weeks[:-_KEPT_WEEKS]
        observe(state.cells, cells, came)
        # After a fallback the weights restart, together with an approved challenger: wrong weights with a high
        # precision would take a year to correct.
        if state.trust.fallen and not fallen:
            state.belief, state.pairs, state.approved = shipped(), (), ()
        x = with_products(question.x, state.pairs)
        after = learned(forgotten(state.belief, state.prior, WEEK), x, came)
        # A belief that is not finite stays so, and is accepted neither by lanes nor from a snapshot.
        state.belief = after if after.is_sound else learned(state.prior, x, came)
        state.weeks_learned += 1

    def _who_came(self, customers: Sequence[str], day: int, known_on: int) -> FloatArray:
        """Return who ordered in the week from ``day`` on, as known at the start of ``known_on``: 0 or 1, (n,)."""
        came = np.zeros(len(customers))
        for at, customer in enumerate(customers):
            record = self._record_before(customer, known_on) if customer in self.members else None
            came[at] = record is not None and record.came(day, day + WEEK)
        return came

    def _look_again(self, day: int) -> None:
        """Check revised answers once more, and count those that changed."""
        while self.closed and self.closed[0].day + WEEK + LATE_DAYS + _REVISED_DAYS <= day:
            old = self.closed.pop(0)
            self.state.checked += len(old.came)
            self.state.revised += int((self._who_came(old.customers, old.day, day) != old.came).sum())

    def _version(self, day: int) -> PredictionModel | None:
        """Return a new version if its predictions differ from those in force, else None."""
        state, alive = self.state, self._alive(day)
        if len(alive) < _LEAST_ASKED:
            return None
        records = side_by_side(alive)
        if state.weeks_learned % _MONEY_WEEKS == 1:
            state.dropout = fitted(records, records.spend, day, state.dropout)
        old, fresh = state.published, self._made(day, records.median_basket)
        if fresh.form == old.form and not _says_something_else(fresh, old, records, day):
            return None
        state.versions, state.published = fresh.version, fresh
        return fresh

    def _alive(self, day: int) -> list[OrderRecord]:
        """Return the records, at the start of a day, of those who ordered in the last year, in order of customers."""
        known = (self._record_before(customer, day) for customer in sorted(self.members))
        return [one for one in known if one is not None and one.last < day <= one.last + ALIVE_DAYS]

    def _made(self, day: int, usual_basket: float) -> PredictionModel:
        """Build the next version from the current belief."""
        state = self.state
        weights = [float(f"{weight:.6g}") for weight in state.belief.mean.tolist()]
        plain = len(weights) - len(state.pairs)
        return PredictionModel(
            state.versions + 1,
            day,
            CELLS_FORM if state.trust.fallen else HAZARD_FORM,
            tuple(weights[:plain]),
            # Before the first answers, use the shipped cells.
            tuple(float(f"{chance:.6g}") for chance in chances_of(*state.cells).tolist())
            if state.cells[0].sum()
            else first_version().cells,
            Dropout.of([float(f"{value:.6g}") for value in state.dropout.values]),
            float(f"{usual_basket:.6g}"),
            tuple(zip(state.pairs, weights[plain:], strict=True)),
        )

    def adopt(self, challenger: Challenger, day: int) -> PredictionModel:
        """Continue from an approved challenger instead of the learned weights; return the version to publish.

        From now on learning forgets towards its weights. If it later falls back to the cells, the shipped weights
        replace them.
        """
        state = self.state
        state.pairs, state.belief = challenger.pairs, challenger.belief
        state.approved = tuple(challenger.belief.mean.tolist())
        # Losses of other weights are no evidence about these.
        state.trust = Trust(usual=state.trust.usual)
        # Use the shop's own baskets; the version in force may still have those of the prior, or none.
        alive = self._alive(day)
        usual = side_by_side(alive).median_basket if len(alive) >= _LEAST_ASKED else state.published.usual_basket
        state.published = self._made(day, usual)
        state.versions = state.published.version
        return state.published


def _says_something_else(fresh: PredictionModel, old: PredictionModel, records: Records, day: int) -> bool:
    """Return whether a version differs enough from the one in force to be published."""
    change = fresh.chances(records, day, (30,))[0] - old.chances(records, day, (30,))[0]
    orders, before = (float(one.dropout.expected_orders(records, day, 90).sum()) for one in (fresh, old))
    return float(np.sqrt((change**2).mean())) >= MATERIAL or abs(orders / max(before, 1e-9) - 1.0) >= MATERIAL_ORDERS
