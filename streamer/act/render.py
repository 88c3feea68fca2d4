"""Render templates: sandboxed Jinja2, where an undefined name is an error, so that nobody receives ``Hello ,``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, nodes
from jinja2.sandbox import SandboxedEnvironment

from models.customer.customer import Customer
from models.features.traits import text_trait
from models.messages import LANGUAGES, TABLES, Language, Messages, messages
from schemas.changes import Reason, ReceivedChange
from schemas.errors import UserError
from schemas.screen_text import shown_value
from streamer.act.heart.coupons import Given
from streamer.act.heart.state import Message
from streamer.act.plays.book import Book, Play

# A customer's name must not inject commands into the mail client or the log that shows it.
_TEXT = SandboxedEnvironment(
    undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True, finalize=shown_value
)
_HTML = SandboxedEnvironment(
    undefined=StrictUndefined, autoescape=True, keep_trailing_newline=True, finalize=shown_value
)


class RenderError(Exception):
    """Raised if a template cannot be rendered for a customer. The text names the template, never a value."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """An HTML page attached to a mail."""

    name: str
    page: bytes


@dataclass(frozen=True, slots=True)
class Rendered:
    """The texts of one message by part, and the same facts as values for channels that send data."""

    language: Language
    parts: Mapping[str, str]
    data: Mapping[str, Any]
    unsubscribe_url: str = ""
    attachment: Attachment | None = None


def file_name(template: str, language: str, part: str) -> str:
    """Return the file name of one part of a template.

    >>> file_name("win_back", "en", "subject")
    'win_back.en.subject'
    """
    return f"{template}.{language}.{part}"


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to render, with everything its templates may use.

    Attributes
    ----------
    book
        The version of the file by which the message was planned.
    unsubscribe_url
        Value of ``{{ unsubscribe_url }}``.
    usual
        Language to use if the customer's is unknown or has no template.
    address
        Value of ``{{ address }}``.
    coupon
        Values of ``{{ coupon.code }}`` and ``{{ coupon.until }}``.
    """

    message: Message
    book: Book
    customer: Customer | None
    unsubscribe_url: str
    usual: Language
    address: str = ""
    coupon: Given | None = None

    @property
    def play(self) -> Play:
        """The play that the message belongs to."""
        return self.book.plays[self.message.play]

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of the play's template."""
        return self.book.channels[self.play.channel].how.parts


def render(draft: Draft) -> Rendered:
    """Render a message's template.

    Raises
    ------
    RenderError
        A name is missing, or the template is invalid.
    """
    language, data, known = values(draft)
    parts = {}
    for part in draft.parts:
        text = made(file_name(draft.play.template, language, part), part, draft.book, known)
        parts[part] = " ".join(text.split()) if part == "subject" else text
    return Rendered(language, parts, data, draft.unsubscribe_url)


def values(draft: Draft) -> tuple[Language, dict[str, Any], dict[str, Any]]:
    """Return a message's language, its facts as data, and the values by name that its templates may use."""
    coupon, language = draft.coupon, _language(draft.customer, draft.play, draft.book, draft.usual)
    data = facts(draft.message.change, draft.customer, draft.book, language)
    known = {**data, "unsubscribe_url": draft.unsubscribe_url, "play": draft.message.play}
    if coupon is not None:
        until = coupon.until
        data["coupon"] = {"code": coupon.code, "until": None if until is None else until.isoformat()}
        known["coupon"] = {"code": coupon.code, "until": None if until is None else day(until, language)}
    known |= {"address": draft.address, "message_id": draft.message.id}
    return language, data, known


def made(name: str, part: str, book: Book, known: Mapping[str, Any]) -> str:
    """Render one part of a message. Raises RenderError."""
    text = book.templates.get(name)
    if text is None:
        raise RenderError(f"{name} is missing")
    try:
        return _json(text, known) if part == "json" else _compiled(text, part == "html").render(known)
    except TemplateError as error:
        raise RenderError(f"{name}: {error.message or type(error).__name__}") from None
    except (TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise RenderError(f"{name}: {type(error).__name__}") from None


def facts(change: ReceivedChange, customer: Customer | None, book: Book, language: Language) -> dict[str, Any]:
    """Return the values available to a template: customer, segment, reasons, shop."""
    texts = messages(language)
    profile = None if customer is None else customer.profile
    traits = {} if profile is None else profile.shown_traits()
    own = {name.removeprefix("custom."): value for name, value in traits.items() if name.startswith("custom.")}
    to, source = change.to_segment, change.from_segment
    return {
        "customer": {
            "id": change.customer_id,
            **{name: value for name, value in traits.items() if not name.startswith("custom.")},
            "custom": own,
        },
        "segment": None if to is None else texts.named(change.segmentation, to.id, to.name),
        "before": None if source is None else texts.named(change.segmentation, source.id, source.name),
        "features": change.features,
        "why": why(change, language),
        "reasons": reasons(change, language),
        "shop": {"name": book.shop.name, "address": book.shop.address, "web": book.shop.web, "site": book.shop.site},
    }


def why(change: ReceivedChange, language: Language) -> str:
    """Return why the reader received the message: in words for shipped segments, otherwise from the change's reasons."""
    texts = messages(language)
    to = change.to_segment
    if to is None:
        return texts("message left")
    key, shipped = f"why {change.segmentation} {to.id}", TABLES["en"].segments.get((change.segmentation, to.id))
    if key in texts.table.texts and shipped is not None and shipped.name == to.name:
        return texts("message why", reason=texts(key))
    name = texts.named(change.segmentation, to.id, to.name)
    if not change.reasons:
        return texts("message plain", segment=name)
    return texts("message because", segment=name, reasons=reasons(change, language))


def reasons(change: ReceivedChange, language: Language) -> str:
    """Return why the customer moved, as figures for the shop: the two strongest reasons."""
    texts = messages(language)
    return texts("between reasons").join(_reason(reason, texts) for reason in change.reasons[:2])


def day(at: date, language: Language) -> str:
    """Format a date for people.

    >>> from datetime import date
    >>> day(date(2026, 12, 1), "en"), day(date(2026, 12, 1), "zh")
    ('1 December 2026', '2026年12月1日')
    """
    texts = messages(language)
    return texts("day", day=at.day, month=texts("months").split()[at.month - 1], year=at.year)


def _reason(reason: Reason, texts: Messages) -> str:
    after = reason.after
    value = f"{after:,.4g}" if isinstance(after, int | float) else str(after or "?")
    return texts("message reason", feature=texts.feature(reason.feature), value=value)


def check(book: Book, play: Play) -> None:
    """Check that a play has all its templates, that they compile, and that marketing states its sender and reason.

    Raises UserError that names the template.
    """
    if play.when.weekly is not None:
        return
    how = book.channels[play.channel].how
    needed = how.parts
    languages = [
        one for one in LANGUAGES if any(file_name(play.template, one, part) in book.templates for part in needed)
    ]
    if needed and not languages:
        names = ", ".join(file_name(play.template, "en", part) for part in needed)
        raise UserError(f"play {play.name} has no template", f"add {names} to the templates folder beside the file")
    for language in languages:
        for part in needed:
            name = file_name(play.template, language, part)
            text = book.templates.get(name)
            if text is None:
                raise UserError(f"template {name} is missing", (f"add it, or remove the other templates in {language}"))
            _check_compiles(name, text, part)
            _check_coupon(name, text, part, play)
            if play.kind == "marketing" and how.is_mail and part != "subject":
                _check_names_sender_and_reason(name, text)


def _json(text: str, known: Mapping[str, Any]) -> str:
    """Render JSON whose strings are templates: a value fills its own string and cannot become anything else."""

    def filled(found: Any) -> Any:
        match found:
            case str():
                return _compiled(found, False).render(known)
            case dict():
                return {name: filled(value) for name, value in found.items()}
            case list():
                return [filled(value) for value in found]
        return found

    return json.dumps(filled(json.loads(text)), ensure_ascii=False)


def strings(found: Any) -> Iterator[str]:
    """Yield all strings of a JSON value."""
    match found:
        case str():
            yield found
        case dict() | list():
            for value in found.values() if isinstance(found, dict) else found:
                yield from strings(value)


def _check_compiles(name: str, text: str, part: str) -> None:
    try:
        for one in strings(json.loads(text)) if part == "json" else (text,):
            _compiled(one, part == "html")
    except json.JSONDecodeError as error:
        raise UserError(
            f"{name}, line {error.lineno}: {error.msg}", ("the template must be JSON; only its strings are rendered")
        ) from None
    except TemplateError as error:
        line = getattr(error, "lineno", "?")
        raise UserError(
            f"{name}, line {line}: {error.message}", "see docs/plays.md for what a template may contain"
        ) from None


def _check_coupon(name: str, text: str, part: str, play: Play) -> None:
    """Raise UserError for a template that omits the play's code, which would waste it, or shows one that does not exist."""
    if play.coupon is None and "coupon." in text:
        raise UserError(
            f"{name} uses a coupon, but play {play.name} has no coupon",
            'add coupon = { pool = "NAME", valid = "14 days" } to the play',
        )
    if play.coupon is not None and part != "subject" and "coupon.code" not in text:
        raise UserError(
            f"{name} does not contain coupon.code", "add {{ coupon.code }} to it, or remove coupon from the play"
        )


def _check_names_sender_and_reason(name: str, text: str) -> None:
    for wanted in ("shop.name", "shop.address", "unsubscribe_url", "why"):
        if wanted not in text:
            raise UserError(
                f"{name} does not contain {wanted}",
                f"add {{{{ {wanted} }}}}, since every marketing mail must state its sender, its reason and how to unsubscribe",
            )


def _language(customer: Customer | None, play: Play, book: Book, usual: Language) -> Language:
    """Return the customer's language if it has a template, else the shop's, else any that has one."""
    language = (None if customer is None else text_trait(customer, "language")) or ""
    wanted = [one for one in LANGUAGES if language.lower().startswith(one)]
    written = book.languages.get(play.template, frozenset())
    for one in (*wanted, usual, *LANGUAGES):
        if one in written:
            return one
    return wanted[0] if wanted else usual


@lru_cache(maxsize=256)
def _compiled(text: str, html: bool) -> Template:
    found = (_HTML if html else _TEXT).from_string(text)
    # Jinja2 keeps these in a ChainMap and copies it for every message, a third of the rendering time.
    found.globals = dict(found.globals)
    return found


def tree(text: str) -> nodes.Template:
    """Parse a template to its syntax tree. Raises jinja2.TemplateError."""
    return _TEXT.parse(text)
