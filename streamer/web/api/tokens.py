"""Tokens: who may call the API, and what for. Kept are their hashes only, in a file that nobody else can read.

A token is 256 random bits, so a plain SHA-256 suffices: there is nothing to guess.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from schemas.endpoints import PERMISSIONS, Permission
from schemas.errors import UserError

FILE: Final = "tokens.json"
_PREFIX: Final = "st_"


class Token(msgspec.Struct, frozen=True):
    """A token as it is kept.

    Attributes
    ----------
    may
        What it allows.
    created
        RFC 3339.
    """

    name: str
    sha256: str
    may: tuple[Permission, ...]
    created: str


class _Held(msgspec.Struct):
    tokens: list[Token]


class Tokens:
    """The tokens of a file; read again when it changes. A file that is not there holds none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read_at: tuple[int, int] | None = None
        self._by_hash: dict[str, Token] = {}

    def of(self, text: str) -> Token | None:
        """The token with this text; None for one that is not known."""
        self._refresh()
        return self._by_hash.get(_hash(text))

    def all(self) -> list[Token]:
        """All tokens, oldest first."""
        self._refresh()
        return list(self._by_hash.values())

    def create(self, name: str, may: Sequence[str], created: str) -> str:
        """Make a token and give its text, which is not kept.

        Raises
        ------
        UserError
            The name is taken, or a permission is none.
        """
        unknown = [one for one in may if one not in PERMISSIONS]
        if unknown or not may:
            raise UserError(
                f"no permission is called {unknown[0]}" if unknown else "a token must allow something",
                f"permissions: {', '.join(PERMISSIONS)}",
            )
        if any(one.name == name for one in self.all()):
            raise UserError(f"there is a token {name} already", "choose another name, or revoke that one")
        text = _PREFIX + secrets.token_urlsafe(32)
        made = Token(name, _hash(text), tuple(may), created)  # type: ignore[arg-type]
        self._write([*self.all(), made])
        return text

    def revoke(self, name: str) -> None:
        """Take a token away. Raises UserError where there is none of that name."""
        kept = [one for one in self.all() if one.name != name]
        if len(kept) == len(self.all()):
            known = ", ".join(one.name for one in kept) or "none"
            raise UserError(f"there is no token {name}", f"tokens: {known}")
        self._write(kept)

    def _refresh(self) -> None:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            self._read_at, self._by_hash = None, {}
            return
        stamp = found.st_mtime_ns, found.st_ino
        if stamp == self._read_at:
            return
        try:
            held = msgspec.json.decode(self.path.read_bytes(), type=_Held)
        except msgspec.MsgspecError as error:
            raise UserError(
                f"{self.path} cannot be read: {error}", "restore it, or delete it and make new tokens"
            ) from None
        self._read_at, self._by_hash = stamp, {one.sha256: one for one in held.tokens}

    def _write(self, tokens: list[Token]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix(".draft")
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(_Held(tokens)), indent=2))
            os.fsync(file.fileno())
        os.replace(draft, self.path)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
