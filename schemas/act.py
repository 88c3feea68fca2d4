"""Commands of people to ``streamer act``, written to ``streamer.act.v1`` beside its state.

The key is unique, so compaction keeps an order until the owner has carried it out; then the owner writes a null value
under it, in the transaction of what it did. The null value of a refused order has headers that say why, and how to fix
it. Orders are signed as control records are.
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
"""Of a file of plays and all its templates: an order is one record."""


MAX_FIRST: Final = 2_000
"""Customers of one ``first``: an order is one record."""


class FirstCustomer(Wire):
    """A customer who is already in a segment: the segment's id and name, and the time of entry (ms)."""

    customer_id: CustomerId
    segment: Id
    name: Text
    since: int


class PlayCommand(Wire):
    """An order.

    Attributes
    ----------
    text, templates, source
        With ``start``: the file of plays, its templates by file name, and what the file is called.
    segments
        With ``start``: the segmentations in force, and the segments of each; null where a model says which there are.
    status, message_id
        With ``release`` and ``drop``: which messages, ``failed``, ``doubtful`` or ``waiting`` for a yes; one of them, or all
        of the play.
    approve
        With ``start``: so many messages wait for a yes.
    customers
        With ``first``: whom to plan for.
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
"""A coupon code: no spaces, commas or quotes, so that it can be typed and stands in a list."""


class CouponsCommand(Wire):
    """A command to load codes into a pool; codes already known in any pool stay unchanged."""

    type: Literal["coupons.command"] = "coupons.command"
    pool: Id
    codes: Annotated[tuple[Code, ...], Field(min_length=1)]


Command = PlayCommand | CouponsCommand
_COMMAND: Final[TypeAdapter[Command]] = TypeAdapter(Annotated[Command, Field(discriminator="type")])


def command_key() -> bytes:
    """A unique key."""
    return COMMAND_KEY + uuid4().hex.encode()


class Refusal(NamedTuple):
    """The reason for refusing a command, and how to fix it."""

    why: str
    fix: str

    def headers(self) -> Headers:
        """The headers of the null record that answers the command."""
        return [(_REFUSED, self.why.encode()), (_FIX, self.fix.encode())]

    @classmethod
    def of(cls, headers: Headers) -> Refusal | None:
        """The refusal in the headers of an answer; None if the command was carried out."""
        texts = {name: (value or b"").decode(errors="replace") for name, value in headers}
        return cls(texts[_REFUSED], texts.get(_FIX, "")) if _REFUSED in texts else None


def encode_command(command: Command, keys: ControlKeys | None = None) -> tuple[bytes, Headers]:
    """The value and headers of a command's record."""
    value = command.model_dump_json(exclude_none=True).encode()
    return value, [keys.header(ACT, 0, Seal("order", time_number()), value)] if keys else []


def decode_command(
    value: bytes, headers: Headers = (), keys: ControlKeys | None = None, taken: Sequence[int] = ()
) -> tuple[Command, list[int]]:
    """The command in a record, and the numbers with its own added; parameters and errors as in ``decisions.decode_decision``."""
    numbers = list(taken) if keys is None else keys.require(ACT, value, headers, taken)
    try:
        return _COMMAND.validate_json(value), numbers
    except ValidationError as error:
        _, message, field = describe(error)
        raise InvalidEvent("bad_control", message, field) from None
