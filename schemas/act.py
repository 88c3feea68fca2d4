"""Commands for ``streamer act``, written to ``streamer.act.v1`` beside its state.

Each command has a unique key, so compaction keeps it until the owner has carried it out. The owner then writes a null
value under the key, in the same transaction as the effect. The null value of a refused command has headers with the
reason and a hint. Commands are signed like control records.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal, NamedTuple, Self
from uuid import uuid4

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError, model_validator

from schemas.errors import InvalidEvent
from schemas.fields import CustomerId, Id, Text, Wire
from schemas.records import Headers
from schemas.refusals import describe
from schemas.signing import ControlKeys, Seal, time_number
from schemas.topics import ACT

COMMAND_KEY: Final = b"!command:"
_REFUSED: Final = "streamer-refused"
_FIX: Final = "streamer-fix"
MAX_FILES_BYTES: Final = 800_000
"""Maximum size, in bytes, of a plays file with all its templates: a command is one record."""


MAX_FIRST: Final = 2_000
"""Maximum number of customers in one ``first`` command: a command is one record."""


class FirstCustomer(Wire):
    """A customer who is already in a segment: the segment's id and name, and the time of entry (ms)."""

    customer_id: CustomerId
    segment: Id
    name: Text
    since: int


class PlayCommand(Wire):
    """A command to ``streamer act``.

    Attributes
    ----------
    text, templates, source
        With ``start``: the plays file, its templates by file name, and its name.
    segments
        With ``start``: the segmentations in force with their segments; null for a segmentation whose segments a model
        defines.
    status, message_id
        With ``release`` and ``drop``: the messages to act on, ``failed``, ``doubtful`` or ``waiting`` for approval; one
        of them, or all messages of the play.
    approve
        With ``start``: the number of messages that wait for approval.
    customers
        With ``first``: the customers to plan messages for.
    """

    type: Literal["play.command"] = "play.command"
    action: Literal["start", "pause", "stop", "release", "drop", "first"]
    play: Id
    text: str | None = None
    templates: dict[Id, str] = Field(default_factory=dict)
    segments: dict[Id, tuple[Id, ...] | None] = Field(default_factory=dict)
    source: str = "plays.toml"
    status: Literal["failed", "doubtful", "waiting"] | None = None
    message_id: Id | None = None
    approve: Annotated[int, Field(ge=0)] = 0
    customers: Annotated[tuple[FirstCustomer, ...], Field(max_length=MAX_FIRST)] = ()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.action == "start" and self.text is None:
            raise ValueError("start needs the text of the file")
        if self.action in ("release", "drop") and self.status is None:
            raise ValueError("release and drop need a status")
        return self


Code = Annotated[str, StringConstraints(pattern=r'^[^\s,;"\x00-\x1f\x7f]{1,64}$')]
"""A coupon code, without spaces, commas or quotes so that it can be typed and listed."""


class CouponsCommand(Wire):
    """A command to load codes into a pool; codes that any pool has already stay unchanged."""

    type: Literal["coupons.command"] = "coupons.command"
    pool: Id
    codes: Annotated[tuple[Code, ...], Field(min_length=1)]


Command = PlayCommand | CouponsCommand
_COMMAND: Final[TypeAdapter[Command]] = TypeAdapter(Annotated[Command, Field(discriminator="type")])


def command_key() -> bytes:
    """Return a unique record key."""
    return COMMAND_KEY + uuid4().hex.encode()


class Refusal(NamedTuple):
    """The reason for refusing a command, and how to fix it."""

    why: str
    fix: str

    def headers(self) -> Headers:
        """Return the headers of the null record that answers the command."""
        return [(_REFUSED, self.why.encode()), (_FIX, self.fix.encode())]

    @classmethod
    def of(cls, headers: Headers) -> Refusal | None:
        """Return the refusal in an answer's headers; None if the command was carried out."""
        texts = {name: (value or b"").decode(errors="replace") for name, value in headers}
        return cls(texts[_REFUSED], texts.get(_FIX, "")) if _REFUSED in texts else None


def encode_command(command: Command, keys: ControlKeys | None = None) -> tuple[bytes, Headers]:
    """Return the value and headers of a command's record."""
    value = command.model_dump_json(exclude_none=True).encode()
    return value, [keys.header(ACT, 0, Seal("order", time_number()), value)] if keys else []


def decode_command(
    value: bytes, headers: Headers = (), keys: ControlKeys | None = None, taken: Sequence[int] = ()
) -> tuple[Command, list[int]]:
    """Return the command in a record, and ``taken`` with the command's own number added.

    See ``decisions.decode_decision`` for parameters and errors.
    """
    numbers = list(taken) if keys is None else keys.require(ACT, value, headers, taken)
    try:
        return _COMMAND.validate_json(value), numbers
    except ValidationError as error:
        _, message, field = describe(error)
        raise InvalidEvent("bad_control", message, field) from None
