"""Control records of imports, models, definitions and merges: the versions in force in a lane, and since when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from models.rules.declared import load
from schemas.control import (
    IMPORTS,
    Control,
    ControlClock,
    ControlDefinitions,
    ControlImport,
    ControlLearn,
    ControlLearned,
    ControlMerge,
    ControlModel,
    import_source,
)
from schemas.errors import InvalidEvent, InvariantViolation, UserError
from schemas.records import LogRecord
from schemas.signing import SIGNATURE_HEADER, Seal
from streamer.core import identity
from streamer.core.context import Context
from streamer.core.decision import ImportNotice
from streamer.core.ledger import DefinitionsVersion, ImportClock, Ledger, ModelEntry
from streamer.core.published import PUBLISHED
from streamer.core.transitions import BEHAVIOUR

MAX_OPEN_IMPORTS: Final = 1_000
"""Maximum number of open imports per lane: the ledger holds them and is written with every step."""
MAX_VERSION_STEP: Final = 1_000_000
"""Maximum increment from one version to the next."""
_CLOSED_IMPORTS = 256
"""Number of closed imports to remember."""


def take(context: Context, control: Control, record: LogRecord) -> None:
    """Apply one control record. Raises InvalidEvent (``bad_control``) if it cannot be applied."""
    apply = _HANDLERS.get(type(control))
    if apply is None:
        raise InvalidEvent("bad_control", "unknown kind of control record", "type")
    apply(context, control, record)


def check_seal(ledger: Ledger, record: LogRecord, seal: Seal | None) -> None:
    """Raise InvalidEvent for a missing signature, a replayed record, or a record of an import that ended long ago."""
    if seal is None:
        if ledger.signed_from is not None and record.timestamp >= ledger.signed_from:
            raise InvalidEvent("bad_control", "not signed; see docs/control-key.md", SIGNATURE_HEADER)
        return
    if seal.number <= ledger.numbers.get(seal.source, -1):
        raise InvalidEvent("bad_control", "this signed record was already applied", SIGNATURE_HEADER)
    if seal.source.startswith(f"{IMPORTS}-") and seal.number <= ledger.numbers.get(IMPORTS, -1):
        raise InvalidEvent("bad_control", "this import ended long ago", SIGNATURE_HEADER)
    ledger.numbers[seal.source] = seal.number


def _import(context: Context, control: ControlImport, record: LogRecord) -> None:
    ledger = context.ledger
    if control.state == "opened":
        if control.import_id not in ledger.imports and len(ledger.imports) >= MAX_OPEN_IMPORTS:
            raise InvalidEvent("bad_control", f"{MAX_OPEN_IMPORTS:,} imports are already open", "import_id")
        if control.import_id in ledger.closed:
            raise InvalidEvent("bad_control", "this import has ended; use a new import_id", "import_id")
        ledger.imports.setdefault(control.import_id, ImportClock(None, record.timestamp))
        # Versions published earlier apply from the import's first day on.
        context.forget_versions()
        for entry in (*ledger.timeline, *ledger.predictions):
            entry.import_days.setdefault(control.import_id, 0)
    elif (closed := ledger.imports.pop(control.import_id, None)) is not None:
        ledger.clock = max(ledger.clock, closed.clock or 0)
        ledger.closed.append(control.import_id)
        while len(ledger.closed) > _CLOSED_IMPORTS:
            # The ledger no longer remembers this import: a replay of its signed records must not open it again.
            last = ledger.numbers.pop(import_source(ledger.closed.pop(0)), -1)
            ledger.numbers[IMPORTS] = max(last, ledger.numbers.get(IMPORTS, -1))
        _notify_owner(context, control.import_id, context.grid.day_of(closed.clock or 0), closed=True)


def _clock(context: Context, control: ControlClock, record: LogRecord) -> None:
    if control.at > record.timestamp:
        raise InvalidEvent("bad_control", "the import's time is later than its append time", "at")
    if (opened := context.ledger.imports.get(control.import_id)) is not None:
        opened.clock = max(opened.clock or 0, control.at)
        opened.appended = max(opened.appended, record.timestamp)


def _notify_owner(context: Context, import_id: str, day: int, *, closed: bool = False) -> None:
    ledger = context.ledger
    context.decision.notices.append(ImportNotice(import_id, ledger.partition, day, ledger.customers, closed))


def _learn(context: Context, control: ControlLearn, record: LogRecord) -> None:
    if (opened := context.ledger.imports.get(control.import_id)) is not None:
        opened.requested = max(opened.requested, control.day)
        opened.appended = max(opened.appended, record.timestamp)
        _notify_owner(context, control.import_id, control.day)


def _learned(context: Context, control: ControlLearned, record: LogRecord) -> None:
    if (opened := context.ledger.imports.get(control.import_id)) is not None:
        opened.learned = max(opened.learned, control.day)
        opened.next_day = max(opened.next_day, control.next_day)


def _model(context: Context, control: ControlModel, record: LogRecord) -> None:
    """Put a new version in force from the first grid point that no clock has passed at its offset."""
    ledger, day_of = context.ledger, context.grid.day_of
    read = PUBLISHED.get(control.segmentation)
    if read is None:
        raise InvalidEvent("bad_control", "unknown cluster segmentation", "segmentation")
    timeline = ledger.timeline if control.segmentation == BEHAVIOUR else ledger.predictions
    if timeline and control.version <= timeline[-1].version:
        return
    try:
        model = read(control.body)
    except (InvariantViolation, ValueError, TypeError, OverflowError, RecursionError):
        raise InvalidEvent("bad_control", "the body is not a valid model", "body") from None
    last = timeline[-1].version if timeline else 0
    if control.version > last + MAX_VERSION_STEP:
        raise InvalidEvent("bad_control", "the version number is too high", "version")
    if model.version != control.version:
        raise InvalidEvent("bad_control", "the body contains another version", "version")
    day = day_of(ledger.clock) + 1
    imports = {id: day_of(opened.clock or 0) + 1 for id, opened in ledger.imports.items()}
    timeline.append(ModelEntry(control.version, day, imports))
    context.adopt_model(model)


def _definitions(context: Context, control: ControlDefinitions, record: LogRecord) -> None:
    """Put a new version in force now; each customer is brought to it before anything else happens to it."""
    ledger = context.ledger
    if control.version <= context.definitions.version:
        return
    if control.version > context.definitions.version + MAX_VERSION_STEP:
        raise InvalidEvent("bad_control", "the version number is too high", "version")
    text = control.body.get("toml")
    try:
        definitions = load(text if isinstance(text, str) else "", control.version)
    except UserError:
        raise InvalidEvent("bad_control", "the body is not a valid segments file", "body") from None
    imports = {id: opened.clock or 0 for id, opened in ledger.imports.items()}
    ledger.definitions_versions.append(DefinitionsVersion(control.version, ledger.clock, imports))
    ledger.behind = ledger.customers
    context.state.definitions[control.version] = definitions
    context.decision.definitions[control.version] = str(text)
    context.adopt_definitions()


_HANDLERS: Final[Mapping[type[Control], Callable[[Context, Any, LogRecord], None]]] = {
    ControlImport: _import,
    ControlClock: _clock,
    ControlLearn: _learn,
    ControlLearned: _learned,
    ControlModel: _model,
    ControlDefinitions: _definitions,
    ControlMerge: identity.merge,
}
