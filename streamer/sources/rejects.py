"""Write the file of rejected rows. It is created with the first row, so a clean import leaves none."""

from __future__ import annotations

import csv
import filecmp
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import IO, Final

from models.messages.translatable import translatable
from schemas.errors import UserError
from schemas.screen_text import line as one_line

_FRONT: Final = ("line", "reason", "message")


class RejectsPath:
    """The requested path for a file's rejected rows, and the path actually used.

    Parameters
    ----------
    file
        The input file. Rejects are written beside it as ``FILE.rejects.csv``, or in the working folder if its own is
        not writable; if that file exists, as ``FILE.rejects-2.csv`` and so on.
    given
        Path chosen by the user; only an older file of rejected rows is overwritten.
    """

    def __init__(self, file: Path, given: Path | None = None) -> None:
        self._file = file
        self._given = given
        self.path: Path | None = None
        self._candidates: list[Path] = []

    def open(self) -> IO[str]:
        """Open a new file, or truncate the one this path opened before. Raises UserError."""
        if self.path is not None:
            return self.path.open("w", encoding="utf-8", newline="")
        if self._given is not None:
            return self._open_given(self._given)
        for path in self._free():
            try:
                stream = path.open("x", encoding="utf-8", newline="")
            except FileExistsError:
                self._candidates.append(path)
                continue
            except OSError:
                continue
            self.path = path
            return stream
        raise UserError(translatable("error no rejects", path=self._file), translatable("error rejects fix"))

    def close(self) -> None:
        """Keep one of two equal files, because previewing a file and importing it reject the same rows."""
        for path in self._candidates:
            if self.path is not None and path.is_file() and filecmp.cmp(path, self.path, shallow=False):
                self.path.unlink()
                self.path = path
                self._candidates = []
                return

    def _open_given(self, path: Path) -> IO[str]:
        try:
            if path.is_file() and path.stat().st_size:
                with path.open(encoding="utf-8", errors="replace") as old:
                    if not old.readline().startswith(",".join(_FRONT)):
                        raise UserError(
                            translatable("error other rejects", path=path), translatable("error rejects fix")
                        )
            stream = path.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise UserError(
                translatable("error unwritable", path=path, why=error.strerror or error),
                translatable("error rejects fix"),
            ) from None
        self.path = path
        return stream

    def _free(self) -> Iterator[Path]:
        for folder in (self._file.parent, Path()):
            for number in count(1):
                path = folder / f"{self._file.name}.rejects{'' if number == 1 else f'-{number}'}.csv"
                yield path
                if not path.exists():
                    # The file does not exist and cannot be created: the folder is not writable.
                    break


class Rejects:
    """Writes rejected rows: line, reason, message, then the row itself, ready to correct."""

    def __init__(self, path: RejectsPath | None, header: Sequence[str]) -> None:
        self._path = path
        self._header = header
        self._stream: IO[str] | None = None

    def __enter__(self) -> Rejects:
        return self

    def __exit__(self, *raised: object) -> None:
        if self._stream is not None and self._path is not None:
            self._stream.close()
            self._path.close()

    def write(self, line: int, cells: Sequence[str], reason: str, message: str) -> None:
        """Add a row."""
        if self._path is None:
            return
        if self._stream is None:
            self._stream = self._path.open()
            self._row([*_FRONT, *self._header])
        self._row([line, reason, message, *cells])

    def _row(self, cells: Sequence[object]) -> None:
        assert self._stream is not None
        csv.writer(self._stream).writerow([one_line(cell) if isinstance(cell, str) else cell for cell in cells])
