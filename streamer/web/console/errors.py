"""Translate errors of commands on pages to the reader's language."""

from __future__ import annotations

from typing import Final

from models.messages import Messages
from models.messages.translatable import Translatable, in_language
from streamer.translations.phrases import chinese

_LONGEST: Final = 1_000
"""Maximum length of a text to look up. With 4,000 characters, as for a table's columns, it may block the loop for seconds."""


def said(text: str, texts: Messages) -> str:
    """Translate an error's message or hint to the reader's language; untranslated text stays English.

    >>> from models.messages import messages
    >>> said("Redis does not answer", messages("en")), said("no such phrase", messages("zh"))
    ('Redis does not answer', 'no such phrase')
    """
    if texts.language == "en" or len(text) > _LONGEST:
        return text
    return chinese().translate(text)


def fault_text(text: Translatable, texts: Messages) -> str:
    """Format a catalogue sentence. Text that an error passes as ``why`` is not part of the catalogue."""
    why = text.values.get("why")
    values = {**text.values, "why": said(str(in_language(why, texts)), texts)} if why is not None else text.values
    return Translatable(text.key, values).text(texts)
