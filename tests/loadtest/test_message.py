"""A message is its English text, and can be said in another language."""

import copy
import json
import pickle

import pytest

from canary_loadtest.core.message import Message, joined, translated

GERMAN = {
    "{count} answer{_s} of {what}": "{count} Antworten von {what}",
    "the canary": "dem Kanarienvogel",
    " and ": " und ",
    "": "what no message may find: a catalogue's head",
}


def test_a_message_is_its_english_text() -> None:
    """Equal to it, in JSON as it, and with the numbers formatted as a template asks for."""
    message = Message("{percent:.1f} % of {name!r}", percent=12.345, name="x{y}")
    assert message == "12.3 % of 'x{y}'"
    assert json.dumps([message]) == "[\"12.3 % of 'x{y}'\"]"
    assert str(message) is message


def test_a_translation_has_the_values_in_its_own_order_and_words() -> None:
    """Messages among the values are translated, too; the plural's ending is left to English."""
    message = Message("{count} answer{_s} of {what}", count=2, _s="s", what=Message("the canary"))
    assert message == "2 answers of the canary"
    assert translated(message, GERMAN) == "2 Antworten von dem Kanarienvogel"
    assert translated(message, {}) == message


def test_what_is_no_message_stays_as_it_is() -> None:
    """The name of a route is not looked up, were it a word of the catalogue."""
    assert translated("the canary", GERMAN) == "the canary"
    assert translated(Message("no such template"), GERMAN) == "no such template"


def test_joined_messages_can_be_translated() -> None:
    """Each of them, with the text between them, which may be a message, too."""
    both = joined(Message(" and "), [Message("the canary"), "{v1}"])
    assert both == "the canary and {v1}"
    assert translated(both, GERMAN) == "dem Kanarienvogel und {v1}"
    assert joined(", ", []) == ""
    assert translated(joined(", ", [Message("the canary")]), {"the canary": "x"}) == "x"


def test_an_object_and_an_error_say_their_message() -> None:
    """What a value's `str` returns is translated: the message of an error, too."""
    message = Message("not: {error}", error=ValueError(Message("the canary")))
    assert message == "not: the canary"
    assert translated(message, GERMAN) == "not: dem Kanarienvogel"


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_copy_is_the_same_message(again: object) -> None:
    """Also one with braces in a value, which are no placeholders."""
    message = Message("{name} of {what}", name="{x}", what=Message("the canary"))
    assert callable(again)
    made = again(message)
    assert (made, type(made)) == (message, Message)
    assert translated(made, GERMAN) == "{x} of dem Kanarienvogel"
