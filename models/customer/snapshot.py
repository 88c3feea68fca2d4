"""Encoding of a customer's state in parts, so that an event rewrites only what it changed.

==========  =====================================  ==========================================
part        holds                                  written
==========  =====================================  ==========================================
``""``      statistics, segments, open id block    with every event of the customer
``"o"``     the order book                         when an order or reversal changed it
``"r0-7"``  one sealed block of event ids each     once per 64 events
``"a"``     traits, consent, feedback, outcomes    when one of them changed
==========  =====================================  ==========================================

MessagePack by position; a leading version number guards the layout. Append new fields, with a default.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import field
from msgspec.structs import FieldInfo, fields

from models.customer.customer import Customer, Membership
from models.customer.dedupe import SLOTS, DedupeWindow
from models.customer.orders import OrderBook
from models.customer.profile import Profile
from models.customer.statistics import Statistics
from schemas.errors import InvariantViolation

VERSION = 1
CORE = ""
BOOK = "o"
PROFILE = "a"
PARTS = (CORE, BOOK, PROFILE, *(f"r{slot}" for slot in range(SLOTS)))
"""All parts a customer may have."""


class _Head(msgspec.Struct):
    version: int
    born: tuple[int, int]
    seq: int
    first_seen: int
    last_seen: int
    as_of: int
    clock_id: str | None
    due: int | None


class _Tail(msgspec.Struct):
    segments: dict[str, Membership]
    ids: int
    open_block: bytes
    behaviour: bytes
    definitions_version: int = 1


_STATISTICS = Statistics.__struct_fields__
_INNER = Statistics.ALWAYS
"""Number of statistics stored between head and tail; later additions follow the tail."""


def _default(one: FieldInfo) -> Any:
    made = one.default_factory
    return field(default=one.default) if made is msgspec.NODEFAULT else field(default_factory=made)


def _layout() -> list[tuple[str, Any, Any]]:
    """Return the name, type and default of each value of the core part, in order; fields of version 0.1.0 have no
    default.
    """
    head, tail, counted = ([*fields(part)] for part in (_Head, _Tail, Statistics))
    first = [(one.name, one.type, field()) for one in (*head, *counted[:_INNER], *tail[:-1])]
    later = (tail[-1], *counted[_INNER:])
    return [
        *first,
        *((one.name, one.type, _default(one)) for one in later),
    ]


# Its attributes are those of `_Head`, `Statistics` and `_Tail`.
_Core: Any = msgspec.defstruct("_Core", _layout(), array_like=True)

_encode = msgspec.msgpack.Encoder().encode
_decode_core = msgspec.msgpack.Decoder(_Core).decode
_decode_book = msgspec.msgpack.Decoder(OrderBook).decode
_decode_profile = msgspec.msgpack.Decoder(Profile).decode


def dump(customer: Customer, behaviour: bytes) -> dict[str, bytes]:
    """Return the parts that changed since the last ``dump`` or ``load``, by name, and mark them as written.

    ``behaviour`` is the customer's row of the behaviour memory as bytes; empty without one.
    """
    dedupe_window = customer.dedupe_window
    if customer.profile is not None and customer.is_alias:
        customer.profile_dirty = False
        return {PROFILE: _encode(customer.profile)}
    statistics = customer.statistics.encode()
    head = (
        VERSION,
        customer.born,
        customer.seq,
        customer.first_seen,
        customer.last_seen,
        customer.as_of,
        customer.clock_id,
        customer.due,
    )
    tail = (
        customer.segments,
        dedupe_window.total,
        dedupe_window.open_block(),
        behaviour,
        customer.definitions_version,
    )
    parts = {CORE: _encode(head + statistics[:_INNER] + tail + statistics[_INNER:])}
    if customer.book_dirty:
        parts[BOOK] = _encode(customer.book)
        customer.book_dirty = False
    if customer.profile_dirty:
        parts[PROFILE] = _encode(customer.profile)
        customer.profile_dirty = False
    if dedupe_window.total >> 6 != customer.written_ids >> 6:
        for slot, block in dedupe_window.sealed_since(customer.written_ids).items():
            parts[f"r{slot}"] = block
    customer.written_ids = dedupe_window.total
    return parts


def load(id: str, parts: Mapping[str, bytes]) -> tuple[Customer, bytes]:
    """Decode a customer from all of its parts; return it with its behaviour row as bytes.

    Raises
    ------
    InvariantViolation
        If a part is missing, damaged, or of a later version than this code knows.
    """
    if CORE not in parts:
        profile = _profile(parts[PROFILE]) if PROFILE in parts else None
        if profile is not None and profile.alias is not None:
            alias = Customer(id, (0, 0), 0)
            alias.profile = profile
            return alias, b""
    customer, core = _without_window(id, parts)
    slots = {int(name[1:]): block for name, block in parts.items() if name.startswith("r")}
    customer.dedupe_window = DedupeWindow.of(core.ids, core.open_block, slots)
    customer.written_ids = core.ids
    return customer, core.behaviour


def glance(id: str, parts: Mapping[str, bytes]) -> tuple[Customer, bytes]:
    """Like `load`, without the dedupe window, whose parts may be absent: enough to assign segments, not to fold."""
    customer, core = _without_window(id, parts)
    return customer, core.behaviour


def _without_window(id: str, parts: Mapping[str, bytes]) -> tuple[Customer, Any]:
    if CORE not in parts:
        raise InvariantViolation("the core part of a customer's state is missing")
    customer, core = _from_core(id, parts[CORE])
    if BOOK in parts:
        try:
            customer.book = _decode_book(parts[BOOK])
        except msgspec.DecodeError as error:
            raise InvariantViolation(f"the order book of a customer cannot be read: {error}") from error
    if PROFILE in parts:
        customer.profile = _profile(parts[PROFILE])
    return customer, core


def is_alias(profile: bytes) -> bool:
    """Return whether a profile part marks its id as an alias."""
    return _profile(profile).alias is not None


def _profile(raw: bytes) -> Profile:
    try:
        return _decode_profile(raw)
    except msgspec.DecodeError as error:
        raise InvariantViolation(f"the profile of a customer cannot be read: {error}") from error


def peek(id: str, core: bytes) -> Customer:
    """Decode a customer from its core part alone: enough to show it, not to fold events into it."""
    return _from_core(id, core)[0]


def peek_both(id: str, core: bytes) -> tuple[Customer, bytes]:
    """Like `peek`, with the behaviour row as bytes."""
    customer, found = _from_core(id, core)
    return customer, found.behaviour


def _from_core(id: str, raw: bytes) -> tuple[Customer, Any]:
    try:
        core = _decode_core(raw)
    except msgspec.DecodeError as error:
        raise InvariantViolation(f"state of a customer cannot be read: {error}") from error
    if core.version > VERSION:
        raise InvariantViolation(f"state version {core.version} is later than this program's {VERSION}")
    customer = Customer(id, core.born, core.first_seen)
    customer.seq = core.seq
    customer.last_seen = core.last_seen
    customer.as_of = core.as_of
    customer.clock_id = core.clock_id
    customer.due = core.due
    customer.statistics = Statistics.decode([getattr(core, name) for name in _STATISTICS])
    customer.definitions_version = core.definitions_version
    customer.segments = core.segments
    return customer, core
