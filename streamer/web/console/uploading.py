"""Handle a file on the Data page: uploaded, checked by ``streamer import --check``, and imported with progress."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from starlette.responses import FileResponse, RedirectResponse, Response

from models.messages import Messages
from models.messages.translatable import in_language
from schemas.errors import TransientError, UserError
from schemas.money import exponent
from streamer.config.settings import Settings
from streamer.imports.suspicious import reason_text
from streamer.sources.mapping import shipped
from streamer.web.console.errors import said
from streamer.web.console.fresh import Fresh
from streamer.web.console.multipart import FormWithFile, TooLarge, WrongForm, not_kept
from streamer.web.console.uploads import MOST_BYTES, Uploads
from streamer.web.console.visits import HEADERS, Visit

PATH: Final = "/data/uploads"
_SIDES: Final = ("counted", "left_out", "applied")
_RUNNING: Final = ("check", "import")
_CHECK_HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'",
}
"""The page of a check is one file with an inline style and no script."""
_SLACK: Final = 100_000
"""Bytes of the form in addition to its file."""


@dataclass(frozen=True)
class Uploading:
    """Handlers under ``/data/uploads``."""

    settings: Settings
    uploads: Uploads
    holds_demo: Fresh[bool]

    async def take(self, visit: Visit) -> Response:
        """Receive a form with a file, then store and check the file."""
        try:
            announced = int(visit.request.headers.get("content-length", "0"))
            id = self.uploads.begin(max(0, announced - _SLACK))
        except (TooLarge, ValueError):
            return _refused(visit, "large", 413)
        except OSError as error:
            raise not_kept(error) from error

        def allowed(fields: dict[str, str]) -> bool:
            return hmac.compare_digest(fields.get("csrf", "").encode(), visit.session.csrf.encode())

        kept = False
        try:
            form = FormWithFile(
                visit.request.headers.get("content-type", ""),
                allowed,
                lambda name: self.uploads.place(id, name),
                MOST_BYTES,
            )
            await form.read(visit.request.stream())
            assert form.file is not None
            upload = self.uploads.keep(id, form.file.name, form.bytes)
            kept = True
        except WrongForm:
            return _refused(visit, "wrong", 403)
        except TooLarge:
            return _refused(visit, "large", 413)
        except OSError as error:
            raise not_kept(error) from error
        finally:
            if not kept:
                self.uploads.delete(id)
        await self.uploads.start(upload, "check", "", self._environment(visit))
        return RedirectResponse(f"{PATH}/{id}", 303)

    async def show(self, visit: Visit) -> Response:
        """Show the progress of a file and the next step."""
        upload = self.uploads.get(visit.request.path_params["id"])
        if upload is None:
            return visit.gone("console gone upload")
        check, result = self.uploads.answer(upload, "check"), self.uploads.answer(upload, "import")
        texts, currency = visit.texts, self.settings.currency
        mapped = f" --mapping {upload.mapping}" if upload.mapping else ""
        return visit.html(
            "upload.html",
            upload=upload,
            running=upload.stage in _RUNNING,
            size=_size(upload.bytes),
            output=[said(one, visit.texts) for one in self.uploads.output(upload)[-40:]],
            check=_check(check, currency, texts) if check and upload.stage != "check" else None,
            result=_result(result, currency) if result and upload.stage == "imported" else None,
            rejects=self.uploads.rejects(upload) if upload.stage in ("imported", "failed", "cancelled") else None,
            mappings=sorted(shipped()),
            beside=upload.stage not in _RUNNING and await self._holds_demo(),
            command=f"streamer import {upload.name}{mapped}",
        )

    async def order(self, visit: Visit, values: Mapping[str, str]) -> Response:
        """Check again, import, cancel, or delete."""
        upload = self.uploads.get(visit.request.path_params["id"])
        if upload is None:
            return visit.gone("console gone upload")
        order, mapping = values.get("do", ""), values.get("mapping", "")
        mapping = mapping if mapping in shipped() else ""
        if order == "cancel":
            self.uploads.cancel(upload.id)
        elif order == "delete":
            self.uploads.cancel(upload.id)
            self.uploads.delete(upload.id)
            return visit.back("/data", "deleted")
        elif order == "check" and upload.stage not in ("import", "imported"):
            await self.uploads.start(upload, "check", mapping, self._environment(visit))
        elif order == "import" and upload.stage in ("checked", "cancelled", "failed"):
            # Use exactly the mapping that was checked.
            beside = values.get("beside_demo") == "yes"
            environment = self._environment(visit)
            await self.uploads.start(upload, "import", upload.mapping, environment, beside_demo=beside)
        return RedirectResponse(f"{PATH}/{upload.id}", 303)

    async def check_page(self, visit: Visit) -> Response:
        """Return the full page of a check, as written by the command."""
        return self._file(visit, "check.html", "text/html; charset=utf-8", _CHECK_HEADERS)

    async def rejects(self, visit: Visit) -> Response:
        """Return the rejected rows with line and reason."""
        upload = self.uploads.get(visit.request.path_params["id"])
        found = None if upload is None else self.uploads.rejects(upload)
        if found is None:
            return visit.gone("console gone upload")
        return FileResponse(found, media_type="text/csv", filename=found.name, headers=HEADERS)

    async def _holds_demo(self) -> bool:
        """Return whether an import would delete the demo's customers; False while Redis does not answer."""
        try:
            return (await self.holds_demo()).value
        except (TransientError, UserError):
            return False

    def _file(self, visit: Visit, name: str, media: str, headers: Mapping[str, str]) -> Response:
        upload = self.uploads.get(visit.request.path_params["id"])
        path = None if upload is None else self.uploads.folder / upload.id / name
        if path is None or not path.is_file():
            return visit.gone("console gone upload")
        return FileResponse(path, media_type=media, headers=dict(headers))

    def _environment(self, visit: Visit) -> dict[str, str]:
        """Return variables that make commands use this process's settings and the reader's language."""
        return {"STREAMER_LANGUAGE": visit.texts.language, "NO_COLOR": "1", "COLUMNS": "200"}


def _refused(visit: Visit, what: str, status: int) -> Response:
    texts = visit.texts
    title, hint = texts(f"console upload {what}", most=_size(MOST_BYTES)), texts(f"console upload {what} hint")
    return visit.html("problem.html", status, title=title, hint=hint, retry=0)


def _check(found: Mapping[str, Any], currency: str, texts: Messages) -> dict[str, Any]:
    """Return the totals of a check, ready to show."""
    applied = found["fates"].get("applied", 0)
    sides = [found[name] for name in _SIDES]
    rows: list[tuple[str, str, Callable[[int], str]]] = [
        (texts("console upload orders"), "orders", _count),
        (texts("console upload money", currency=currency), "order_money", partial(_money, currency=currency)),
        (texts("console upload refunds"), "refunds", _count),
        (texts("console upload refund money", currency=currency), "refund_money", partial(_money, currency=currency)),
    ]
    return {
        "agrees": found["agrees"],
        "usable": applied > 0,
        "rows": f"{found['rows']:,}",
        "events": f"{found['events']:,}",
        "customers": f"{found['customers']:,}",
        "refused": [
            (str(in_language(reason_text(reason), texts)), f"{count:,}")
            for reason, count in sorted(found["refused"].items(), key=lambda one: -one[1])
        ],
        "columns": [texts(f"console upload {name}") for name in _SIDES],
        "sums": [(name, [shown(side[key]) for side in sides]) for name, key, shown in rows],
        "looks": len(found["looks"]),
        "unexplained": found["unexplained"],
    }


def _result(found: Mapping[str, Any], currency: str) -> dict[str, Any]:
    return {
        **{name: f"{found[name]:,}" for name in ("applied", "duplicates", "customers", "orders")},
        "revenue": f"{_money(found['revenue_minor'], currency)}\xa0{currency}",
        "refused": f"{sum(found['skipped'].values()) + sum(found['dead_letters'].values()):,}",
        "changes": f"{sum(found['changes'].values()):,}",
    }


def _money(minor: int, currency: str) -> str:
    """Format an amount in minor units.

    >>> _money(123456, "EUR")
    '1,234.56'
    """
    places = exponent(currency)
    return f"{minor / 10**places:,.{places}f}"


def _count(value: int) -> str:
    return f"{value:,}"


def _size(bytes: int) -> str:
    """Format a number of bytes.

    >>> _size(500), _size(1_500_000), _size(1 << 30)
    ('500\\xa0B', '1.4\\xa0MiB', '1.0\\xa0GiB')
    """
    value, unit = float(bytes), "B"
    for larger in ("KiB", "MiB", "GiB"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:.0f}\xa0{unit}" if unit == "B" else f"{value:.1f}\xa0{unit}"
