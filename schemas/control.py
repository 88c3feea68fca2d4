"""Control records: records of the service itself, written into its lanes between the events.

They carry the header ``streamer-control: 1`` and are written to an explicit partition; their key is ignored. They are
signed (``schemas.signing``), because anyone who may write events could write these too.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Final, Literal, get_args

from pydantic import Field, JsonValue, TypeAdapter, ValidationError

from schemas.errors import InvalidEvent
from schemas.fields import CustomerId, Id, Instant, Wire
from schemas.records import Headers
from schemas.refusals import describe
from schemas.signing import ControlKeys, Seal
from schemas.topics import EVENTS

CONTROL_HEADER: Final = "streamer-control"
IMPORT_HEADER: Final = "streamer-import"
REROUTED_HEADER: Final = "streamer-rerouted-from"
ALIAS_HEADER: Final = "streamer-alias-of"
"""Header of a record forwarded under the customer's other id; its value is the id in the body."""
IMPORTS: Final = "import"

Version = Annotated[int, Field(ge=1)]
Day = Annotated[int, Field(ge=0, le=100_000)]
Json = dict[str, JsonValue]


class ControlImport(Wire):
    """An import of old data begins or ends in this lane; ``source_hash`` is the hash of the file's content."""

    type: Literal["control.import"] = "control.import"
    import_id: Id
    state: Literal["opened", "closed"]
    source_hash: Id


class ControlClock(Wire):
    """The clock of an open import moves to ``at`` (epoch ms inside, RFC 3339 on the wire)."""

    type: Literal["control.clock"] = "control.clock"
    import_id: Id
    at: Instant


class ControlLearn(Wire):
    """A request of an import to the model owner: learn from everything before ``day`` (days since 1970 in the shop's
    zone).
    """

    type: Literal["control.learn"] = "control.learn"
    import_id: Id
    day: Day


class ControlLearned(Wire):
    """The model owner's answer to an import's request; a new version, if any, precedes this record.

    The import need not wait again for data before ``next_day``.
    """

    type: Literal["control.learned"] = "control.learned"
    import_id: Id
    day: Day
    next_day: Day


class ControlModel(Wire):
    """A model version, inline; the segmentation's own code decodes ``body``."""

    type: Literal["control.model"] = "control.model"
    segmentation: Id
    version: Version
    body: Json


class ControlDefinitions(Wire):
    """A version of all segment definitions."""

    type: Literal["control.definitions"] = "control.definitions"
    version: Version
    body: Json


class ControlMerge(Wire):
    """A customer's statistics arriving from another lane.

    ``event_ids`` holds the remembered 64-bit hashes; ``statistics`` and ``orders`` have the internal form of the state.
    """

    type: Literal["control.merge"] = "control.merge"
    from_id: Annotated[CustomerId, Field(alias="from")]
    to_id: Annotated[CustomerId, Field(alias="to")]
    statistics: Json
    event_ids: Annotated[tuple[Annotated[int, Field(ge=0, lt=1 << 64)], ...], Field(max_length=512)]
    orders: tuple[JsonValue, ...]


Control = (
    ControlImport | ControlClock | ControlLearn | ControlLearned | ControlModel | ControlDefinitions | ControlMerge
)
CONTROL_MODELS: Final[tuple[type[Control], ...]] = get_args(Control)
CONTROL_TYPES: Final[frozenset[str]] = frozenset(str(model.model_fields["type"].default) for model in CONTROL_MODELS)

_ADAPTER: Final[TypeAdapter[Control]] = TypeAdapter(Annotated[Control, Field(discriminator="type")])


def is_control(headers: Headers) -> bool:
    """Return whether a record's headers mark it as a control record."""
    return any(name == CONTROL_HEADER and value == b"1" for name, value in headers)


def decode_control(value: bytes | None) -> Control:
    """Return the control record in a value.

    Raises
    ------
    InvalidEvent
        ``bad_control``: the value is not JSON, the type is unknown, or a field is invalid.
    """
    if value is None:
        raise InvalidEvent("bad_control", "the record has no value")
    try:
        return _ADAPTER.validate_json(value)
    except ValidationError as error:
        _, message, field = describe(error)
        raise InvalidEvent("bad_control", message, field) from None


def encode_control(control: Control) -> bytes:
    """Return the value of a control record: JSON with wire names."""
    return _ADAPTER.dump_json(control)


def control_headers(
    value: bytes, lane: int = 0, seal: Seal | None = None, keys: ControlKeys | None = None
) -> list[tuple[str, bytes]]:
    """Return the headers of an encoded control record for a lane; with ``keys`` it is signed."""
    headers = [(CONTROL_HEADER, b"1")]
    if keys is not None and seal is not None:
        headers.append(keys.header(EVENTS, lane, seal, value))
    return headers


def import_source(import_id: str) -> str:
    """Return the writer's name in signatures of an import's records."""
    return f"{IMPORTS}-{hashlib.sha256(import_id.encode()).hexdigest()[:16]}"
