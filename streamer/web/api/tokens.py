"""Store API tokens and their permissions. Only hashes are stored, in a file that only its owner can read.

A token has 256 random bits, so a plain SHA-256 suffices: it cannot be guessed.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from schemas.collector import UNLESS_ALLOWED
from schemas.endpoints import PERMISSIONS, Permission
from schemas.errors import UserError

FILE: Final = "tokens.json"
_PREFIX: Final = "st_"
_PUBLIC_PREFIX: Final = "wk_"
_ORIGIN: Final = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|http://\[::1\](:[0-9]{1,5})?")


class Token(msgspec.Struct, frozen=True, omit_defaults=True):
    """A stored token.

    Attributes
    ----------
    may
        Permissions of the token.
    created
        Creation time, RFC 3339.
    origins
        If not empty, this is a write key: public, for pages of these origins (``https://shop.example``), and limited
        to ``write``.
    allow
        Event types that a write key may send although any visitor of the page could forge them.
    """

    name: str
    sha256: str
    may: tuple[Permission, ...]
    created: str
    origins: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()


class _Held(msgspec.Struct):
    tokens: list[Token]


class Tokens:
    """Tokens of a file, reloaded when it changes. A missing file has none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read_at: tuple[int, int] | None = None
        self._by_hash: dict[str, Token] = {}
        self._origins: frozenset[str] = frozenset()

    def of(self, text: str) -> Token | None:
        """Return the token with this text, or None."""
        self._refresh()
        return self._by_hash.get(_hash(text))

    def all(self) -> list[Token]:
        """Return all tokens, oldest first."""
        self._refresh()
        return list(self._by_hash.values())

    @property
    def origins(self) -> frozenset[str]:
        """Origins of all write keys."""
        self._refresh()
        return self._origins

    def create(
        self,
        name: str,
        may: Sequence[str],
        created: str,
        *,
        origins: Sequence[str] = (),
        allow: Sequence[str] = (),
    ) -> str:
        """Create a token, or a write key if ``origins`` are given, and return its text, which is not stored.

        Raises
        ------
        UserError
            The name is taken, a permission is unknown, or a write key would have more than ``write``.
        """
        unknown = [one for one in may if one not in PERMISSIONS]
        if unknown or not may:
            raise UserError(
                f"unknown permission: {unknown[0]}" if unknown else "a token needs at least one permission",
                f"permissions: {', '.join(PERMISSIONS)}",
            )
        if any(one.name == name for one in self.all()):
            raise UserError(f"a token named {name} already exists", "choose another name, or revoke the existing token")
        _check_public(may, origins, allow)
        text = (_PUBLIC_PREFIX if origins else _PREFIX) + secrets.token_urlsafe(32)
        made = Token(name, _hash(text), tuple(may), created, tuple(origins), tuple(allow))  # type: ignore[arg-type]
        self._write([*self.all(), made])
        return text

    def revoke(self, name: str) -> None:
        """Delete a token. Raises UserError if there is none with that name."""
        kept = [one for one in self.all() if one.name != name]
        if len(kept) == len(self.all()):
            known = ", ".join(one.name for one in kept) or "none"
            raise UserError(f"no such token: {name}", f"tokens: {known}")
        self._write(kept)

    def _refresh(self) -> None:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            self._read_at, self._by_hash, self._origins = None, {}, frozenset()
            return
        stamp = found.st_mtime_ns, found.st_ino
        if stamp == self._read_at:
            return
        try:
            held = msgspec.json.decode(self.path.read_bytes(), type=_Held)
        except msgspec.MsgspecError as error:
            raise UserError(
                f"cannot read {self.path}: {error}", "restore the file, or delete it and create new tokens"
            ) from None
        self._read_at, self._by_hash = stamp, {one.sha256: one for one in held.tokens}
        self._origins = frozenset(origin for one in held.tokens for origin in one.origins)

    def _write(self, tokens: list[Token]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix(".draft")
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(_Held(tokens)), indent=2))
            os.fsync(file.fileno())
        os.replace(draft, self.path)


def _check_public(may: Sequence[str], origins: Sequence[str], allow: Sequence[str]) -> None:
    """Raise UserError if a write key would be invalid."""
    if origins and tuple(may) != ("write",):
        raise UserError(
            "a write key is public, so it can only have the permission write", "pass --may write with --origin"
        )
    if allow and not origins:
        raise UserError(
            "--allow needs --origin: other tokens may send every event anyway", ("remove --allow, or pass --origin")
        )
    for one in origins:
        if not _ORIGIN.fullmatch(one):
            raise UserError(
                f"{one} is not an origin", "use scheme and host without a path, for example https://shop.example"
            )
    for one in allow:
        if one not in UNLESS_ALLOWED:
            raise UserError(f"a write key cannot allow {one}", f"it can allow {', '.join(sorted(UNLESS_ALLOWED))}")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
