"""A message by its catalogue key, so that the caller can choose the language."""

from __future__ import annotations

from models.messages import Messages, messages


class Translatable(str):
    """A text by its key in the catalogue. As a ``str`` it is English.

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
        """The arguments for a copy."""
        return self.key, self.values

    def text(self, texts: Messages) -> str:
        """The same in a language, including all nested texts."""
        return texts(self.key, **{name: in_language(value, texts) for name, value in self.values.items()})


def translatable(key: str, **values: object) -> Translatable:
    """The text of that key."""
    return Translatable(key, values)


def in_language(value: object, texts: Messages) -> object:
    """The value, translated if it is a message of the catalogue."""
    return value.text(texts) if isinstance(value, Translatable) else value


def text_of(error: Exception) -> str:
    """The message of an error, still a catalogue text if it was made from one."""
    first = error.args[0] if error.args else ""
    return first if isinstance(first, str) else str(error)
