"""A message by its catalogue key, so that the caller can choose the language."""

from __future__ import annotations

from models.messages import Messages, messages


class Translatable(str):
    """A message with its catalogue key. As a ``str`` it is the English text.

    >>> found = translatable("file no group", names="Order or Till")
    >>> found, found.text(messages("zh"))
    ('Order or Till is empty', 'Order or Till 列为空')
    """

    key: str
    values: dict[str, object]

    def __new__(cls, key: str, values: dict[str, object]) -> Translatable:
        made = super().__new__(cls, messages()(key, **values))
        made.key, made.values = key, values
        return made

    def __getnewargs__(self) -> tuple[str, dict[str, object]]:  # type: ignore[override]
        """Return the arguments with which a copy is made."""
        return self.key, self.values

    def text(self, texts: Messages) -> str:
        """Return the message in a language, including all nested messages."""
        return texts(self.key, **{name: in_language(value, texts) for name, value in self.values.items()})


def translatable(key: str, **values: object) -> Translatable:
    """Return the message of a catalogue key."""
    return Translatable(key, values)


def in_language(value: object, texts: Messages) -> object:
    """Return the value, translated if it is a message of the catalogue."""
    return value.text(texts) if isinstance(value, Translatable) else value


def text_of(error: Exception) -> str:
    """Return an error's message, which stays translatable if it was made from the catalogue."""
    first = error.args[0] if error.args else ""
    return first if isinstance(first, str) else str(error)
