"""Detect the single-byte code page of a text by the words that each page yields.

The same bytes are words in one page and nonsense in another: ``0xB3`` is ``ł`` in ``Paweł`` and ``³`` in ``Pawe³``. A
word counts for a page if all its letters belong to one language written in that page. If two pages yield equally good
but different words, only the shop can know, and no page is chosen.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import Final, NamedTuple

_LATIN: Final = {
    "cp1252": ("äöüß", "éèêëàâçîïôûùœæ", "ñáéíóúü", "àèéìòù", "ãõçáéíóúâêôà", "åäöé", "æøåé", "ëïéèöü", "ðþáéíóúýæö"),
    "cp1250": ("ąćęłńóśźż", "áčďéěíňóřšťúůý" + "ž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "čćđšž", "ăâîşţ"),
    "cp1254": ("çğıöşüâîû",),
    "cp1257": ("ąčęėįšųūž", "āčēģīķļņšūž", "äõöüšž"),
}
_VOWELS: Final = "аеёиоуыэюяіїє"
_OTHER: Final[Mapping[str, tuple[str, str, str]]] = {
    "cp1251": ("абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґў", "оеаинтсрвл", _VOWELS),
    "cp1253": ("αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ", "αοιετσνηυς", "αεηιουωάέήίόύώϊϋΐΰ"),
    "cp1255": ("אבגדהוזחטיךכלםמןנסעףפץצקרשת", "יוהלאמרתבנש", ""),
    "cp1256": ("ابتثجحخدذرزسشصضطظعغفقكلمنهويىةءآأإؤئپچژگ", "اليمنوترهبد", ""),
    "cp874": ("".join(map(chr, range(0x0E01, 0x0E5C))), "านรกอเงมยลวดท", ""),
}
"""Letters, frequent letters and vowels of languages that do not use ASCII letters."""
_SAME_LETTERS: Final = {
    "iso8859_2": "cp1250",
    "cp850": "cp1252",
    "cp852": "cp1250",
    "mac_roman": "cp1252",
    "koi8_r": "cp1251",
    "iso8859_5": "cp1251",
    "cp866": "cp1251",
    "mac_cyrillic": "cp1251",
    "iso8859_7": "cp1253",
}
_RARE: Final = frozenset(("cp1257", "cp850", "cp852", "mac_roman", "mac_cyrillic"))
"""Pages that need clear evidence, because most of their text looks like that of a common page."""
_NEVER: Final = re.compile(
    r"ń[aeiouyóąę]|ŕ(?![bcdfghjklmnprstvzž])|ř[rnldgmb]|[sz]ř|[lrtdkcbg]ň|(?<![dtnbpvmf])ě|^ĺ|ĺ[aeiouyáéíóúý]|[aeiouyáéíóúý]ĺ|^ď[aou]"
    # Vowels that other pages misread as consonants: Jörg as Jšrg, Müller as Mźller, Søren as Sżren, Kjær as Kjľr.
    r"|[bcdfghjklmnstz]š[bdfghlmnrwz]|ršd|[bcfghjklmnpqrstvwxz]ź|^ź[bcdfghjklmnpqrstvwz]|[bcfghjklnpst]ż[bcdfghjklmnprstvz]"
    r"|[bcdfghjkmnprstvz]ľ[rnstmbdg]|[bcdfghjklmnpqrstvwxz]ś[bdfghjqrvxz]|[bcfghjkm]č[lnr]"
    r"|[bfghj]š[bcdfghklmnprtvwz]|[bdfgj]ž[rnl]"
)
"""Patterns that occur in misread western words but in no Polish, Czech or Slovak word."""
_MARKS: Final = "\u00a0€£¥¢§©®™°·•«»‹›„“”‘’‚–—…¿¡ªº´"
_SIGNS: Final = re.compile(r"[kcdm]?m[²³]|°[CF]|µ[glm]|[€£¥§©®™°½¼¾×±µ•–—…·«»„“”’´\u00a0]+")
_RUN: Final = {"cp1252": re.compile(r"[^\x00-\x7f]{4}"), "cp1254": re.compile(r"[^\x00-\x7f]{4}")}
"""Runs of letters that occur in no word of these pages."""
_ALONE: Final = frozenset("àéèóòåöæôý")
_MOST: Final = 4_000
"""Maximum number of distinct words to examine."""
_CLEAR: Final = 0.05
_ENOUGH: Final = 0.5


class Judged(NamedTuple):
    """The result of a detection.

    Attributes
    ----------
    encoding
        The page; None if the text does not determine it.
    readings
        The same words in each candidate page, for people; empty without candidates.
    """

    encoding: str | None
    readings: tuple[tuple[str, str], ...] = ()


def page_of(head: bytes) -> Judged:
    """Detect the code page of a text that begins with ``head``, which is not ASCII.

    >>> page_of("Grażyna,Paweł,Łukasz".encode("cp1250")).encoding, page_of("Käufer,Größe".encode("cp1252")).encoding
    ('cp1250', 'cp1252')
    """
    words = Counter(re.findall(rb"[A-Za-z\x80-\xff]*[\x80-\xff][A-Za-z\x80-\xff]*", head)).most_common(_MOST)
    every = {page: [(word.decode(page, "replace"), count) for word, count in words] for page in _pages()}
    worth = {page: _worth(page, read) - _CLEAR * 2 * (page in _RARE) for page, read in every.items()}
    best = max(worth, key=lambda page: worth[page])
    if worth[best] < _ENOUGH:
        return Judged(None)
    rivals = [page for page in every if worth[page] > worth[best] - _CLEAR]
    # Among pages with equal readings, choose the most common.
    different = {tuple(word for word, _ in every[page]): page for page in reversed(rivals)}
    if len(different) == 1:
        return Judged(next(page for page, read in every.items() if read == every[best]))
    return Judged(None, _readings(different))


def _readings(pages: Mapping[tuple[str, ...], str]) -> tuple[tuple[str, str], ...]:
    """Return the first word that the pages read differently, with its reading in each page."""
    words = next(words for words in zip(*pages, strict=True) if len(set(words)) > 1)
    return tuple(reversed([(page, word) for page, word in zip(pages.values(), words, strict=True)]))


@cache
def _pages() -> tuple[str, ...]:
    return (*_LATIN, *_OTHER, *_SAME_LETTERS)


def _worth(page: str, words: list[tuple[str, int]]) -> float:
    """Return a score from 0 to 1: the mean of the word shares explained by all languages of the page and by the best one."""
    own = _SAME_LETTERS.get(page, page)
    total = 0.0
    explained = 0.0
    by_language = [0.0] * 9
    for text, count in words:
        for word in _parts(text):
            weight = min(count, 20)
            total += weight
            if _SIGNS.fullmatch(word):
                # In pages for other alphabets, almost every byte is a letter.
                fit = weight * (1.0 if own in _LATIN else 0.6)
                explained += fit
                by_language = [held + fit for held in by_language]
            elif own in _LATIN:
                spoken = _languages(own, word)
                explained += weight * bool(spoken)
                for at in spoken:
                    by_language[at] += weight
            else:
                fit = _fit(own, word) * weight
                explained += fit
                by_language[0] += fit
    return (explained + max(by_language)) / (2 * total) if total else 0.0


def _parts(text: str) -> list[str]:
    """Return the non-ASCII words of a text, without punctuation at their ends."""
    found: list[str] = []
    for part in re.split(r"(?<=\w)[\u2019\u2013\u2014\u00a0](?=\w)", text):
        bare = part.strip(_MARKS) or part
        if not bare.isascii():
            found.append(bare)
    return found


def _languages(page: str, word: str) -> list[int]:
    """Return the languages of a page that a word may belong to."""
    small = word.lower()
    letters = {sign for sign in small if sign > "\x7f"}
    if not _is_cased(word) or (len(word) == 1 and small not in _ALONE) or _NEVER.search(small):
        return []
    if page in _RUN and _RUN[page].search(small):
        return []
    return [at for at, alphabet in enumerate(_LATIN[page]) if letters <= set(alphabet)]


def _fit(page: str, word: str) -> float:
    """Return how well a word fits a language without ASCII letters: 0 if not at all, more for frequent letters."""
    alphabet, frequent, vowels = _OTHER[page]
    small = word.lower()
    if (
        len(word) == 1
        or not set(small) <= set(alphabet)
        or not _is_cased(word)
        or (vowels and not set(small) & set(vowels))
    ):
        return 0.0
    share = sum(sign in frequent for sign in small) / len(small)
    return min(1.0, 0.4 + 0.8 * share)


def _is_cased(word: str) -> bool:
    """Return whether non-ASCII letters are upper-case only at the start or in an upper-case word."""
    return word.isupper() or not any(sign > "\x7f" and sign.isupper() for sign in word[1:])
