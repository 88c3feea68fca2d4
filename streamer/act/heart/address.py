"""Find customers' addresses for a channel, and the hashes that identify suppressed addresses."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from models.customer.customer import Customer
from models.features.traits import text_trait
from streamer.act.plays.book import Channel

# Only a basic check that there is an address: the server decides what is deliverable.
_EMAIL: Final = re.compile(r"[^\s@<>,;:\"()\[\]\\]+@[^\s@<>,;:\"()\[\]\\]+\.[^\s@<>,;:\"()\[\]\\]+")

_BETWEEN_DIGITS: Final = re.compile(r"[\s()./-]")
_PHONE: Final = re.compile(r"\+?\d{5,15}")


def phone_number(text: str) -> str | None:
    """Return the digits of a phone number, with a leading plus if it has one, or None for other text."""
    number = _BETWEEN_DIGITS.sub("", text)
    return number if _PHONE.fullmatch(number) else None


@dataclass(frozen=True, slots=True)
class Addresses:
    """Finds and hashes addresses; ``secret`` keys the hash."""

    secret: bytes

    def trait(self, channel: Channel) -> str:
        """Return the customer trait with the address that a channel needs, empty if it needs none."""
        return "" if "to" in channel.options else str(channel.options.get("trait", channel.how.trait))

    def of(self, channel: Channel, customer: Customer | None) -> str | None:
        """Return the customer's address: empty if the channel needs none, None if it is missing or malformed."""
        needed = self.trait(channel)
        if not needed:
            return ""
        found = None if customer is None else text_trait(customer, needed)
        if not found or len(found) > 320:
            return None
        match needed:
            case "email":
                return found if _EMAIL.fullmatch(found) else None
            case "phone":
                return phone_number(found)
        return found

    def hash(self, address: str) -> str:
        """Return a keyed hash for comparing addresses; it cannot be reversed."""
        return hmac.new(self.secret, address.strip().lower().encode(), sha256).hexdigest()[:32]

    def key(self, address: str, list: str) -> str:
        """Return the key of a suppression: of an address, for a list or for all (``*``)."""
        return f"{self.hash(address)}/{list}"
