"""Find customers' contact columns by name, and accept them only if their cells match."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from schemas.fields import Email, Language, PersonName, Phone, ZoneName
from streamer.sources.columns import ABSENT, stripped
from streamer.sources.dialect import folded
from streamer.sources.language_names import LANGUAGES
from streamer.sources.words_of_columns import more_names

Rows = Sequence[Mapping[str, str]]

CONTACTS: Final[Mapping[str, tuple[str, ...]]] = {
    trait: (*names.split("; "), *more_names("name_of" if trait == "name" else trait))
    for trait, names in {
        "email": (
            "email; e-mail; email address; e-mail address; mail; mail address; e-mail-adresse; email-adresse; mailadresse; "
            "courriel; adresse e-mail; adresse email; adresse mail; adresse courriel; correo; correo electrónico; "
            "correo electronico; dirección de correo; 邮箱; 邮箱地址; 电子邮箱; 电子邮件; 电子邮件地址; 邮件; 邮件地址"
        ),
        "phone": (
            "phone; phone number; phone no; telephone; telephone number; mobile; mobile phone; mobile number; cell phone; "
            "cell; tel; telefon; telefonnummer; telefonnr; handy; handynummer; mobil; mobilnummer; mobiltelefon; rufnummer; "
            "téléphone; numéro de téléphone; tél; portable; téléphone portable; téléphone mobile; teléfono; telefono; "
            "número de teléfono; móvil; teléfono móvil; celular; 手机; 手机号; 手机号码; 电话; 电话号码; 联系电话; 联系手机; "
            "移动电话"
        ),
        "name": (
            "full name; name; contact name; vollständiger name; kontaktname; vor- und nachname; nom complet; "
            "nom et prénom; prénom et nom; nombre completo; nombre y apellidos; 姓名; 真实姓名; 联系人; 联系人姓名; "
            "收货人; 收货人姓名"
        ),
        "language": (
            "language; lang; locale; language code; preferred language; sprache; sprachcode; bevorzugte sprache; langue; "
            "langue préférée; code langue; idioma; lengua; idioma preferido; 语言; 语种; 首选语言; 语言代码"
        ),
        "timezone": (
            "timezone; time zone; tz; zeitzone; fuseau horaire; zona horaria; huso horario; 时区"
        ),
    }.items()
}  # fmt: skip
"""Column names by trait, in lower case, most specific first."""

PEOPLE: Final = (
    *("customer", "client", "buyer", "kunde", "käufer", "cliente", "acheteur", "comprador", "客户", "买家", "고객"),
    *("klant", "klient", "клиент", "покупатель", "kund", "müşteri"),
    *more_names("people"),
)
"""Words for people; columns with these names hold ids, or in some files names."""

_BEFORE: Final = (
    *("", "customer", "customers", "client", "buyer", "user", "member", "contact", "billing", "bill to", "shipping"),
    *("kunden", "kunde", "käufer", "rechnung", "nutzer", "客户", "买家", "会员", "用户", "顾客", "客户的", "付款人"),
)
_BEHIND: Final = (
    *("", "customer", "client", "du client", "de client", "de facturation", "acheteur", "cliente", "del cliente"),
    *("de cliente", "comprador", "del comprador", "de facturación", "kunde", "des kunden"),
)
_FIRST_NAMES: Final = ("first name", "given name", "vorname", "prénom", "prenom", "nombre", "nombre de pila")
_LAST_NAMES: Final = (
    *(
        "last name",
        "surname",
        "family name",
        "nachname",
        "familienname",
        "nom",
        "nom de famille",
        "apellido",
        "apellidos",
    ),
)
_PERSON: Final = ("name", "nom", "nombre", "姓名")
"""Words for "name" that identify a person only next to a word for the customer."""

_SOUND: Final = 0.9
"""Minimum share of cells that must match their trait's format."""

_STRIP: Final = ("'", "`", "tel:")
_FORMS: Final[Mapping[str, TypeAdapter[str]]] = {
    "email": TypeAdapter(Email),
    "phone": TypeAdapter(Phone),
    "language": TypeAdapter(Language),
    "timezone": TypeAdapter(ZoneName),
    "name": TypeAdapter(PersonName),
}


@dataclass(frozen=True, slots=True)
class Contact:
    """The source of a trait.

    Attributes
    ----------
    columns
        One column, or the columns of the first and last name.
    words
        Replacements for texts: language tags by language name.
    """

    trait: str
    columns: tuple[str, ...]
    words: Mapping[str, str] = field(default_factory=dict)

    @property
    def strip(self) -> tuple[str, ...]:
        """Marks that spreadsheets add around the text."""
        return _STRIP if self.trait == "phone" else ()


def contacts_of(header: Sequence[str], rows: Rows, found: Mapping[str, str]) -> tuple[Contact, ...]:
    """Return the traits whose columns match by name and content.

    Parameters
    ----------
    found
        The column of each field of an order. None of them is used again, except the customer's: an address that
        identifies customers can also receive messages.
    """
    customer = found["customer_id"]
    taken = set(found.values()) - {customer}
    # A name already used as an id adds nothing. Next to order lines, a bare "name" is the product's.
    unsure = {customer} | ({name for name in header if bare(name) == "name"} if "product_id" in found else set())
    contacts: list[Contact] = []
    for trait in CONTACTS:
        for columns in _candidates(trait, [name for name in header if name not in taken]):
            if trait == "name" and unsure.intersection(columns):
                continue
            contact = _sound(trait, columns, rows, customer)
            if contact is not None:
                contacts.append(contact)
                taken.update(columns)
                break
    return tuple(contacts)


def holds(trait: str, texts: Sequence[str]) -> bool:
    """Return whether most texts match a trait's format, ignoring empty ones."""
    there = [text for text in texts if text and text.casefold() not in ABSENT]
    return bool(there) and sum(map(_CHECKS[trait], there)) >= _SOUND * len(there)


def are_full_names(texts: Sequence[str]) -> bool:
    """Return whether most texts are first and last names, and therefore unlikely to be ids."""
    return holds("name", texts) and holds("full name", texts)


def bare(name: str) -> str:
    """Return a column name in lower case, without the blanks, dots, dashes and accents that some programs drop."""
    # A unit or tax note after the name does not change its meaning: Amount (EUR), 金额（元）.
    plain = re.sub(r"(?<=\w)\s*[(（][^()（）]*[)）]\s*$", "", folded(name))
    apart = unicodedata.normalize("NFD", re.sub(r"[\W_]+", "", plain)).replace("ı", "i")
    return unicodedata.normalize("NFC", "".join(sign for sign in apart if not unicodedata.combining(sign))) or folded(
        name
    )


def names_of(trait: str) -> tuple[str, ...]:
    """Return all bare names of a trait's column, most specific first."""
    words = CONTACTS[trait]
    whose = [*words, *_PERSON] if trait == "name" else words
    plain = [bare(word) for word in words]
    more = [bare(before + word) for before in _BEFORE[1:] for word in whose]
    behind = [bare(word + one) for one in _BEHIND[1:] for word in whose]
    return tuple(dict.fromkeys([*plain, *more, *behind, *(map(bare, PEOPLE) if trait == "name" else ())]))


_NAMES: Final[Mapping[str, tuple[str, ...]]] = {trait: names_of(trait) for trait in CONTACTS}


def _candidates(trait: str, header: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield the columns that could hold a trait, best first."""
    left = {bare(name): name for name in reversed(header)}
    if trait == "name":
        yield from _pairs(left)
    for name in _NAMES[trait]:
        if name in left:
            yield (left[name],)


def _pairs(left: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    """Yield first and last name columns as pairs."""
    for before in _BEFORE:
        first = next((left[one] for word in _FIRST_NAMES if (one := bare(before + word)) in left), None)
        last = next((left[one] for word in _LAST_NAMES if (one := bare(before + word)) in left), None)
        if first is not None and last is not None:
            yield first, last


def _sound(trait: str, columns: tuple[str, ...], rows: Rows, customer: str) -> Contact | None:
    """Return the contact if the cells match the columns' names, else None."""
    texts = [" ".join(text for name in columns if (text := row.get(name, "").strip())) for row in rows]
    if trait == "name":
        good = holds(trait, texts) and _is_of_customers(texts, [row.get(customer, "").strip() for row in rows])
        return Contact(trait, columns) if good else None
    if trait == "phone":
        texts = [stripped(text, _STRIP) for text in texts]
    words: dict[str, str] = {}
    if trait == "language":
        words = {text: LANGUAGES[text.casefold()] for text in texts if text.casefold() in LANGUAGES}
        texts = [words.get(text, text) for text in texts]
    return Contact(trait, columns, words) if holds(trait, texts) else None


def _is_of_customers(texts: Sequence[str], customers: Sequence[str]) -> bool:
    """Return whether each customer has one name. A name per order would be a product."""
    names_of: dict[str, set[str]] = {}
    for text, customer in zip(texts, customers, strict=True):
        if text and customer:
            names_of.setdefault(customer, set()).add(text.casefold())
    return bool(names_of) and sum(len(names) == 1 for names in names_of.values()) >= _SOUND * len(names_of)


def _checked(trait: str, more: Callable[[str], Any] = lambda text: True) -> Callable[[str], bool]:
    """Return a test for texts: the contract's format, narrowed to what identifies the trait."""

    def check(text: str) -> bool:
        try:
            _FORMS[trait].validate_python(text)
        except ValidationError:
            return False
        return bool(more(text))

    return check


def _is_spoken(text: str) -> bool:
    """Return whether a text has letters and no digits, as a person's name does."""
    return any(map(str.isalpha, text)) and not any(map(str.isdigit, text)) and "@" not in text


# Two words, or the few characters of a Chinese name.
_FULL_NAME: Final = re.compile(r"\S+( \S+){1,4}|[\u4e00-\u9fff]{2,4}")

_CHECKS: Final[Mapping[str, Callable[[str], bool]]] = {
    "email": _checked("email", re.compile(r"[^@]+@[^@.]+(\.[^@.]+)+").fullmatch),
    "phone": _checked("phone", lambda text: 7 <= sum(map(str.isdigit, text)) <= 15),
    # The contract accepts any word, but a language tag begins with two or three letters.
    "language": _checked("language", re.compile(r"[A-Za-z]{2,3}([_-].*)?").fullmatch),
    "timezone": _checked("timezone"),
    "name": _checked("name", _is_spoken),
    "full name": lambda text: _FULL_NAME.fullmatch(text) is not None,
}
