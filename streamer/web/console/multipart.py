"""Stream a form with a file to a folder, so that memory stays small for any file size."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final
from unicodedata import normalize

from python_multipart import MultipartParser
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import parse_options_header

from schemas.errors import UserError

_MOST_FIELD: Final = 10_000
_MOST_HEADERS: Final = 20
_MOST_FIELDS: Final = 20
_MOST_NAME: Final = 100
_MOST_NAME_BYTES: Final = 180
"""Maximum bytes of a file name. The limit is 255, but files written next to it have longer names."""
_STRANGE: Final = re.compile(r"[^\w.()+ -]")


class WrongForm(Exception):
    """Raised if the form is not ours: the fields before its file are unexpected."""


class TooLarge(Exception):
    """Raised if the file exceeds the size limit."""


class FormWithFile:
    """Consumes the body of a form in pieces.

    Parameters
    ----------
    content_type
        Header of the request. Raises WrongForm unless it is a form with a file.
    allowed
        Called with the fields before the file when the file begins.
    place
        Returns the path for a file name; the file is created for its owner only.
    most
        Maximum bytes of the file.
    """

    def __init__(
        self, content_type: str, allowed: Callable[[dict[str, str]], bool], place: Callable[[str], Path], most: int
    ) -> None:
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data" or not options.get(b"boundary"):
            raise WrongForm
        self.fields: dict[str, str] = {}
        self.file: Path | None = None
        self.bytes = 0
        self._allowed, self._place, self._most = allowed, place, most
        self._header = self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._name = ""
        self._field = bytearray()
        self._open: int | None = None
        self._parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": self._begin,
                "on_header_field": self._on_field,
                "on_header_value": self._on_value,
                "on_header_end": self._on_header,
                "on_headers_finished": self._start,
                "on_part_data": self._data,
                "on_part_end": self._end,
            },
        )

    async def read(self, body: AsyncIterator[bytes]) -> None:
        """Read the whole form. Raises WrongForm, TooLarge; the partly written file is useless then."""
        try:
            async for piece in body:
                self._parser.write(piece)
            self._parser.finalize()
        except MultipartParseError as error:
            raise WrongForm from error
        finally:
            self._close()
        if self.file is None or not self.bytes:
            raise WrongForm

    def _begin(self) -> None:
        self._headers, self._header, self._value = {}, b"", b""
        self._field.clear()

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]
        self._bound()

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._bound()

    def _bound(self) -> None:
        if len(self._header) + len(self._value) > _MOST_FIELD or len(self._headers) > _MOST_HEADERS:
            raise WrongForm

    def _on_header(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header = self._value = b""

    def _start(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if b"filename" not in options:
            return
        if self.file is not None or not self._allowed(self.fields):
            raise WrongForm
        self.file = self._place(file_name(options[b"filename"].decode("utf-8", "replace")))
        try:
            self._open = os.open(self.file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except OSError as error:
            raise not_kept(error) from error

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._open is None:
            self._field += data[start:end]
            if len(self._field) > _MOST_FIELD:
                raise WrongForm
            return
        self.bytes += end - start
        if self.bytes > self._most:
            raise TooLarge
        rest = memoryview(data)[start:end]
        try:
            while rest:
                rest = rest[os.write(self._open, rest) :]
        except OSError as error:
            raise not_kept(error) from error

    def _end(self) -> None:
        if self._open is None:
            self.fields[self._name] = self._field.decode("utf-8", "replace")
            if len(self.fields) > _MOST_FIELDS:
                raise WrongForm
        self._close()

    def _close(self) -> None:
        if self._open is not None:
            os.close(self._open)
            self._open = None


def file_name(given: str) -> str:
    r"""Return a safe file name on this machine: no folder, no special characters, the suffix kept.

    >>> file_name("C:\\Users\\ann\\orders export.csv"), file_name("../../.ssh/id"), file_name("订单.xlsx"), file_name("..")
    ('orders export.csv', 'id', '订单.xlsx', 'upload')
    """
    bare = normalize("NFC", given).replace("\\", "/").rsplit("/", 1)[-1]
    bare = _STRANGE.sub("_", bare).lstrip(".- ").rstrip(". ")
    stem, dot, ending = bare.rpartition(".")
    if not dot:
        return _cut(bare) or "upload"
    return f"{_cut(stem)}.{ending[:12]}"


def _cut(name: str) -> str:
    return name[:_MOST_NAME].encode()[:_MOST_NAME_BYTES].decode(errors="ignore")


def not_kept(error: OSError) -> UserError:
    """Return the error for a full disk or a folder that cannot be written."""
    return UserError(f"the file cannot be saved: {error.strerror or error}", "free disk space")
