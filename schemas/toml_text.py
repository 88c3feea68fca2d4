"""Parse foreign TOML within limits, with errors for people."""

from __future__ import annotations

import tomllib
from typing import Any, Final

from schemas.errors import UserError

MAX_BYTES: Final = 200_000
"""Maximum bytes of a file; most files travel inside one Kafka record."""
MAX_DOTS: Final = 100
"""Maximum dots in a line: the TOML parser's time is quadratic in the parts of a key."""


def tables(text: str, source: str, hint: str) -> dict[str, Any]:
    """Parse a TOML text. Takes about a second at most, whatever its content.

    Parameters
    ----------
    source
        Name of the text in errors.
    hint
        Hint for a text that is not TOML.

    Raises
    ------
    UserError
        The text is not TOML, or exceeds the limits.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise UserError(f"{source} has more than {MAX_BYTES:,} bytes", "shorten it")
    # Lines in the sense of TOML: other line separators may occur in quoted parts of a key.
    if any(line.count(".") > MAX_DOTS for line in text.split("\n")):
        raise UserError(f"{source} has a line with more than {MAX_DOTS} dots", "split it into two or more lines")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{source} is not TOML: {error}", hint) from None
    except (RecursionError, ValueError):
        # Nesting deeper than the parser supports, or numbers with thousands of digits.
        raise UserError(
            f"{source} contains a value that is too deeply nested, too long or too large", "shorten or simplify it"
        ) from None
