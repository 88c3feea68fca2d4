"""The field types that the wire models share: ids, texts, amounts, times."""

from __future__ import annotations

from functools import cache, partial
from importlib import resources
from typing import Annotated, Final
from unicodedata import normalize

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetPydanticSchema, WithJsonSchema
from pydantic_core import PydanticCustomError, core_schema

from schemas import ids
from schemas.wire_time import epoch_ms, iso

STRICT: Final = ConfigDict(
    strict=True,
    allow_inf_nan=False,
    extra="ignore",
    frozen=True,
    cache_strings="keys",
    serialize_by_alias=True,
)

MAX_AMOUNT: Final = 1e12
MAX_QUANTITY: Final = 1_000_000_000
MAX_LINES: Final = 1_000


def _customer_id(text: str) -> str:
    try:
        return ids.customer_id(text)
    except ValueError as error:
        raise PydanticCustomError("customer_id", "{words}", {"words": str(error)}) from None


CustomerId = Annotated[
    str, AfterValidator(_customer_id), WithJsonSchema({"type": "string", "pattern": ids.JSON_PATTERN})
]
"""A customer id (`schemas.ids`), normalized to NFC when read."""

# Any text that fits into a log line: no control characters (C0, DEL, C1) and no line or paragraph separator.
Id = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,256}$")]
EventName = Annotated[
    str, Field(pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,100}$"), AfterValidator(partial(normalize, "NFC"))
]
"""Name of a shop's custom event, normalized to NFC when read."""
Text = Annotated[str, Field(max_length=512)]
PersonName = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]{1,200}$")]
"""A person's name, in one line of any script; an empty name counts as absent."""
Email = Annotated[str, Field(pattern=r"^[^\x00-\x20\x7f-\x9f@]+@[^\x00-\x20\x7f-\x9f@]+$", max_length=254)]
Phone = Annotated[str, Field(pattern=r"^[+(]?[0-9][0-9 ()./-]{1,30}[0-9]$")]


@cache
def _zones() -> frozenset[str]:
    """Return the zone names of the package tzdata, which are the same on every machine."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text(encoding="ascii").split())


def _zone(name: str) -> str:
    if name not in _zones():
        raise PydanticCustomError("zone", "not a time zone")
    return name


ZoneName = Annotated[
    str,
    Field(pattern=r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$", max_length=64),
    AfterValidator(_zone),
]
"""An IANA name, such as ``Europe/Berlin``."""
Language = Annotated[str, Field(pattern=r"^[A-Za-z]{2,8}([_-][A-Za-z0-9]{1,8}){0,3}$")]
"""A language tag, such as ``zh-CN``."""
MAX_CATEGORY_BYTES: Final = 256


def _category(text: str) -> str:
    if len(text.encode("utf-8", "surrogatepass")) > MAX_CATEGORY_BYTES:
        raise PydanticCustomError("category", "has more than {most} bytes", {"most": MAX_CATEGORY_BYTES})
    return text


Category = Annotated[str, Field(max_length=MAX_CATEGORY_BYTES), AfterValidator(_category)]
"""A category, limited in bytes because up to 64 orders of a customer are stored in one record with their categories."""
Url = Annotated[str, Field(max_length=4096)]
Body = Annotated[str, Field(max_length=20_000)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]

# The bounds keep every sum of minor units exact in 64 bits.
Amount = Annotated[float, Field(ge=-MAX_AMOUNT, le=MAX_AMOUNT)]
Price = Annotated[float, Field(ge=0, le=MAX_AMOUNT)]
# The widest integer that a state can store; a larger number is treated as a fraction.
Whole = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
Quantity = Annotated[int | float, Field(ge=-MAX_QUANTITY, le=MAX_QUANTITY)]
"""A number of pieces, possibly fractional: 0.350 of a kilogram."""


def _from_python(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        return epoch_ms(value)
    raise ValueError("must be whole milliseconds or an RFC 3339 time")


def _instant(_source: object, _handler: object) -> core_schema.CoreSchema:
    from_text = core_schema.no_info_after_validator_function(epoch_ms, core_schema.str_schema(max_length=64))
    return core_schema.json_or_python_schema(
        json_schema=from_text,
        python_schema=core_schema.no_info_plain_validator_function(_from_python),
        serialization=core_schema.plain_serializer_function_ser_schema(iso, when_used="json"),
    )


Instant = Annotated[int, GetPydanticSchema(_instant), WithJsonSchema({"type": "string", "format": "date-time"})]
"""RFC 3339 with an offset in JSON; epoch milliseconds in Python, where whole numbers are accepted too."""


class Wire(BaseModel):
    """Base of wire models: strict types, finite numbers, unknown fields ignored, values frozen."""

    model_config = STRICT
