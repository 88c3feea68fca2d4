"""Parse foreign TOML within limits, with errors for people."""

from __future__ import annotations

import tomllib
from typing import Any, Final

from schemas.errors import UserError

MAX_BYTES: Final = 200_000
"""Of a file: most of them travel inside a record of Kafka."""
MAX_DOTS: Final = 100
"""Of a line: the TOML parser's time grows with the square of the parts of a key."""


def tables(text: str, source: str, hint: str) -> dict[str, Any]:
    """Parse a TOML text. Takes about a second at most, whatever its content.

    Parameters
    ----------
    source
        What the text is called in errors.
    hint
        How to fix what is not TOML.

    Raises
    ------
    UserError
        It is no TOML, or beyond the bounds.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise UserError(f"{source} has more than {MAX_BYTES:,} bytes", "shorten it")
    # A line of TOML: other separators may stand within the quoted part of a key.
    if any(line.count(".") > MAX_DOTS for line in text.split("\n")):
        raise UserError(f"{source} has a line with more than {MAX_DOTS} dots", "split it into two or more lines")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{source} is not TOML: {error}", hint) from None
    except (RecursionError, ValueError):
        # Nested deeper than the parser goes, numbers of thousands of digits.
        raise UserError(
            f"{source} contains a value that is too deeply nested, too long or too large", "shorten or simplify it"
        ) from None
