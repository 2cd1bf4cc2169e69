"""Who a LoRA tag brings in: `<lora:lady-dimitrescu:0.6>` draws somebody in particular, and so does its trigger word in the
prompt.

Tokens and masks in; the names that the tags give and the words of the prompt that call them out.
"""

import re
from collections.abc import Iterator

from evenhand.engine.reading import Reading
from evenhand.flow import Span
from evenhand.rules.ruleset import Ruleset
from evenhand.text import canonical, normalize, tokenize

_TAG = re.compile(r"<(?:lora|lyco|hypernet|locon):([^:<>]{2,80})[^<>]*>", re.IGNORECASE)
_MIN_LETTERS = 4


def named_by_tags(reading: Reading, rules: Ruleset) -> Iterator[Span]:
    """Spans that name somebody: a tag that holds a listed name, or a word of the prompt that is a tag's own name."""
    called: set[str] = set()
    for found in _TAG.finditer(reading.tokens.text):
        words = [normalize(found[1][span.start : span.end]) for span in tokenize(found[1])]
        if _holds_name(words, rules):
            yield Span(*found.span())
        own = [word for word in words if word.isalpha() and len(word) > 1]
        if len(own) == 1 and len(own[0]) >= _MIN_LETTERS:  # "add_detail" is no name
            called.add(own[0])
    yield from _called(reading, called)


def _holds_name(words: list[str], rules: Ruleset) -> bool:
    line, _, _ = canonical(words)
    return any(
        entry.kind == "people" and not entry.has("artist") for _, (_, entries) in rules.phrases.iter(line) for entry in entries
    )


def _called(reading: Reading, names: set[str]) -> Iterator[Span]:
    for index, word in enumerate(reading.tokens.words) if names else ():
        if word in names and index not in reading.masked and not reading.by_first.get(index):
            yield reading.tokens.span(index, index + 1)
