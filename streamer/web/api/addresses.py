"""Look up customers by their whole e-mail address or phone number.

The index contains keyed hashes of addresses and ids, but no address, and is kept only in memory: each count of all
customers builds a new one with this process's key. Matches are compared with the customer's state in Redis, so that
nobody is found by an address that was erased or changed since.
"""

from __future__ import annotations

import asyncio
import secrets
from array import array
from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import Final
from unicodedata import normalize

import numpy as np
import numpy.typing as npt

from models.customer.customer import Customer
from models.features.traits import text_trait
from streamer.act.heart.address import phone_number
from streamer.web.api.view import View

MOST: Final = 20
"""Maximum number of customers found by one address."""
_KEY: Final = secrets.token_bytes(32)


def spellings(text: str) -> set[str]:
    """Return the forms in which an address is compared: lower-case letters, or digits; empty if it has neither form.

    >>> sorted(spellings(" Ann@Shop.example ")), sorted(spellings("+49 (30) 123-456")), spellings("ann")
    (['ann@shop.example'], ['+4930123456'], set())
    """
    found = normalize("NFC", text).strip()
    if "@" in found:
        return {found.casefold()}
    number = phone_number(found)
    return set() if number is None else {number}


def _of(customer: Customer) -> Iterator[str]:
    for trait in ("email", "phone"):
        if text := text_trait(customer, trait):
            yield from spellings(text)


def _hash(address: str) -> int:
    return int.from_bytes(blake2b(address.encode("utf-8", "replace"), digest_size=8, key=_KEY).digest(), "little")


class AddressIndex:
    """Hashes of addresses with their customers' ids: `add` all, `settle`, then look up.

    Takes 12 bytes per address, and 8 bytes and an id per customer with an address; more until it is settled.
    """

    def __init__(self) -> None:
        self._added, self._numbers = array("Q"), array("I")
        self._ids, self._ends = bytearray(), array("Q", [0])
        self._hashes: npt.NDArray[np.uint64] = np.empty(0, np.uint64)
        self._owners: npt.NDArray[np.uint32] = np.empty(0, np.uint32)

    def add(self, customer: Customer) -> None:
        """Add a customer's addresses."""
        if customer.profile is None:
            return
        for number, address in enumerate(_of(customer)):
            if not number:
                self._ids += customer.id.encode()
                self._ends.append(len(self._ids))
            self._added.append(_hash(address))
            self._numbers.append(len(self._ends) - 2)

    def settle(self) -> None:
        """Make everything added findable; call it once, after the last customer."""
        hashes, owners = np.array(self._added, np.uint64), np.array(self._numbers, np.uint32)
        self._added, self._numbers = array("Q"), array("I")
        order = np.argsort(hashes, kind="stable")
        self._hashes, self._owners = hashes[order], owners[order]

    def ids(self, address: str) -> list[str]:
        """Return ids of customers who may have an address, at most `MOST`."""
        wanted = np.uint64(_hash(address))
        first, behind = np.searchsorted(self._hashes, wanted, "left"), np.searchsorted(self._hashes, wanted, "right")
        owners = self._owners[first : min(behind, first + MOST)].tolist()
        return [self._ids[self._ends[one] : self._ends[one + 1]].decode() for one in owners]


class Addressed:
    """Finds customers by an address.

    Parameters
    ----------
    newest
        Returns the newest index; None before the first.
    """

    def __init__(self, newest: Callable[[], AddressIndex | None], view: View) -> None:
        self._newest = newest
        self._view = view

    async def find(self, text: str) -> list[str]:
        """Return the ids of customers whose current address is ``text``. Raises TransientError if Redis does not answer."""
        index, wanted = self._newest(), spellings(text)
        ids = [] if index is None else list(dict.fromkeys(id for one in sorted(wanted) for id in index.ids(one)))
        # Look up one by one, so that an id that was joined to another since leads to its customer.
        people = await asyncio.gather(*map(self._view.customer, ids))
        now = (one.customer for one in people if one is not None and not wanted.isdisjoint(_of(one.customer)))
        return list(dict.fromkeys(one.id for one in now))
