"""Control records of imports, cluster models and declared segmentations: what is in force in a lane, and since when."""

from __future__ import annotations

from models.behaviour.model import ClusterModel
from models.rules.declared import load
from schemas.control import Control, ControlClock, ControlDefinitions, ControlImport, ControlModel
from schemas.errors import InvalidEvent, InvariantViolation, UserError
from schemas.records import LogRecord
from streamer.core.decision import Decision
from streamer.core.ledger import DefinitionsVersion, ImportClock, ModelEntry
from streamer.core.policy import Policy
from streamer.core.state import LaneState
from streamer.core.transitions import BEHAVIOUR

_CLOSED_IMPORTS = 256
"""Imports remembered after their end."""


class Controls:
    """Writes what control records say into a lane's state, and what must be kept of it into one outcome."""

    def __init__(self, state: LaneState, policy: Policy, decision: Decision) -> None:
        self._state = state
        self._ledger = state.ledger
        self._policy = policy
        self._decision = decision

    def take(self, control: Control, record: LogRecord) -> None:
        """Take one control record; raises InvalidEvent (``bad_control``) for what cannot be."""
        if isinstance(control, ControlImport):
            self._import(control, record)
        elif isinstance(control, ControlClock):
            self._clock(control, record)
        elif isinstance(control, ControlModel):
            self._model(control)
        elif isinstance(control, ControlDefinitions):
            self._definitions(control)
        else:
            raise InvalidEvent("bad_control", "this kind of control record is not known here", "type")

    def _import(self, control: ControlImport, record: LogRecord) -> None:
        ledger = self._ledger
        if control.state == "opened":
            if control.import_id in ledger.closed:
                raise InvalidEvent("bad_control", "this import has ended; a new one needs a new id", "import_id")
            ledger.imports.setdefault(control.import_id, ImportClock(None, record.timestamp))
            # What was learned before is in force from the import's first day on.
            for entry in ledger.timeline:
                entry.import_days.setdefault(control.import_id, 0)
        elif (closed := ledger.imports.pop(control.import_id, None)) is not None:
            ledger.clock = max(ledger.clock, closed.clock or 0)
            ledger.closed = [*ledger.closed, control.import_id][-_CLOSED_IMPORTS:]

    def _clock(self, control: ControlClock, record: LogRecord) -> None:
        if control.at > record.timestamp:
            raise InvalidEvent("bad_control", "the clock of an import lies after its own append time", "at")
        if (opened := self._ledger.imports.get(control.import_id)) is not None:
            opened.clock = max(opened.clock or 0, control.at)
            opened.heard = max(opened.heard, record.timestamp)

    def _model(self, control: ControlModel) -> None:
        """A new version is in force from the first grid point that no clock has passed at its offset."""
        ledger, day_of = self._ledger, self._policy.grid.day_of
        if control.segmentation != BEHAVIOUR:
            raise InvalidEvent("bad_control", "no such cluster segmentation", "segmentation")
        if ledger.timeline and control.version <= ledger.timeline[-1].version:
            return
        try:
            model = ClusterModel.from_dict(control.body)
        except InvariantViolation:
            raise InvalidEvent("bad_control", "the body is no cluster model that can be read", "body") from None
        if model.version != control.version:
            raise InvalidEvent("bad_control", "the body is another version", "version")
        day = day_of(ledger.clock) + 1
        imports = {id: day_of(opened.clock or 0) + 1 for id, opened in ledger.imports.items()}
        ledger.timeline.append(ModelEntry(control.version, day, imports))
        self._state.models[control.version] = self._decision.models[control.version] = model

    def _definitions(self, control: ControlDefinitions) -> None:
        """A new version is in force from now on; each customer is brought to it before anything else happens to it."""
        ledger = self._ledger
        if control.version <= self._state.in_force(self._policy).version:
            return
        text = control.body.get("toml")
        try:
            definitions = load(text if isinstance(text, str) else "", control.version)
        except UserError:
            raise InvalidEvent("bad_control", "the body is no file of segmentations that can be read", "body") from None
        imports = {id: opened.clock or 0 for id, opened in ledger.imports.items()}
        ledger.definitions_versions.append(DefinitionsVersion(control.version, ledger.clock, imports))
        ledger.behind = ledger.customers
        self._state.definitions[control.version] = definitions
        self._decision.definitions[control.version] = str(text)
