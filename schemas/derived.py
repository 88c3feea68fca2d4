"""Derive pydantic models from structs, so that each published shape is defined only once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, get_type_hints

import msgspec
from msgspec.structs import fields
from pydantic import Field, GetCoreSchemaHandler, create_model
from pydantic_core import CoreSchema

from schemas.fields import Wire


class WireStruct(msgspec.Struct, frozen=True):
    """Base of published structs. As a field of a pydantic model, such a struct is replaced by its derived model."""

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return handler(model_of(cls))


@cache
def model_of(struct: type[msgspec.Struct]) -> Any:
    """Return a struct's model, with the same name, fields, types, defaults and docstring."""
    return derived(struct, struct.__name__, {})


def derived(struct: type[msgspec.Struct], name: str, after: Mapping[str, tuple[str, Any]]) -> Any:
    """Return a struct's model under another name, with additional required fields.

    Parameters
    ----------
    after
        Name and type of each additional field, by the struct field that it follows.
    """
    hints = get_type_hints(struct, include_extras=True)
    found: dict[str, Any] = {}
    for one in fields(struct):
        if one.default_factory is not msgspec.NODEFAULT:
            found[one.name] = (hints[one.name], Field(default_factory=one.default_factory))
        else:
            found[one.name] = (hints[one.name], ... if one.required else one.default)
        if one.name in after:
            further, type = after[one.name]
            found[further] = (type, ...)
    return create_model(name, __base__=Wire, __doc__=struct.__doc__, __module__=struct.__module__, **found)
