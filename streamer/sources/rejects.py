"""The file of refused rows: made when the first comes, so that there is none where all is well."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from schemas.errors import UserError
from schemas.screen_text import line as one_line


class Rejects:
    """Writes refused rows with their line, the reason and what is wrong; the row itself stands behind, to be mended."""

    def __init__(self, path: Path | None, header: Sequence[str]) -> None:
        self._path = path
        self._header = header
        self._stream: IO[str] | None = None

    def __enter__(self) -> Rejects:
        return self

    def __exit__(self, *raised: object) -> None:
        if self._stream is not None:
            self._stream.close()

    def write(self, line: int, cells: Sequence[str], reason: str, message: str) -> None:
        """Add a row."""
        if self._path is None:
            return
        if self._stream is None:
            try:
                self._stream = self._path.open("w", encoding="utf-8", newline="")
            except OSError as error:
                raise UserError(f"cannot write {self._path}: {error.strerror or error}", "give --rejects") from None
            self._row(["line", "reason", "message", *self._header])
        self._row([line, reason, message, *cells])

    def _row(self, cells: Sequence[object]) -> None:
        assert self._stream is not None
        csv.writer(self._stream).writerow([one_line(cell) if isinstance(cell, str) else cell for cell in cells])
