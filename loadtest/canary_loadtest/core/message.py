"""Messages for people: English text that can be said in another language, too."""

from collections.abc import Iterable, Mapping
from typing import Any, Self


class Message(str):
    """English text that keeps what it was made of; to everything else it is the text.

    A placeholder whose name begins with an underscore is for English alone: grammar such as the end of a plural, or
    text that is English in any case.

    Attributes:
        template: the text with its placeholders, as `str.format` has them; by it a catalogue knows the message.
        values: their values: numbers, texts, and other messages.
    """

    __slots__ = ("template", "values")
    template: str
    values: Mapping[str, object]

    def __new__(cls, template: str, /, **values: object) -> Self:
        """Make the text."""
        told = {name: one if isinstance(one, str | int | float) else str(one) for name, one in values.items()}
        self = super().__new__(cls, template.format_map(told))
        self.template, self.values = template, told
        return self

    def __str__(self) -> Self:
        """Return the message itself, which `str` would else make a plain text of."""
        return self

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, Any]]:
        """Return what a copy is made of; that of a plain text would take the braces in it for placeholders."""
        return (self.template,), dict(self.values)


def joined(separator: str, parts: Iterable[str]) -> Message:
    """Return texts as one, of which each that is a message can still be translated, and the separator, too."""
    values = {f"part{number}": part for number, part in enumerate(parts)}
    return Message("{separator}".join(f"{{{name}}}" for name in values), separator=separator, **values)


def translated(text: str, catalogue: Mapping[str, str]) -> str:
    """Return a message in the language of a catalogue, and any other text as it is.

    Args:
        text: what is to be said.
        catalogue: the translation of each template; one that it does not have stays in English.
    """
    if not isinstance(text, Message):
        return text
    values = {
        name: translated(value, catalogue) if isinstance(value, str) else value for name, value in text.values.items()
    }
    return catalogue.get(text.template, text.template).format_map(values)
