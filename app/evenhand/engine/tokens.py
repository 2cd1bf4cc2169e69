"""Text in, tokens out: spans, normal words, the canonical line, and how punctuation cuts the prompt into segments and
sentences."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from evenhand.flow import Span
from evenhand.text import bounds, canonical, normalize

SENTENCE_ENDS = frozenset(".!?")
SEGMENT_ENDS = SENTENCE_ENDS | frozenset(",;:|()[]{}/\u2022\u2014\u2013")
HYPHENS = frozenset("-\u2010\u2011")


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """`left[i]` to `right[i]` are the code points of token i, `raws[i]` is how it is written.

    `segment[i]` and `sentence[i]` number the stretch between commas and between full stops that token i stands in;
    `lower_share` is the share of words that begin with a small letter, 1 where there is no word.
    """

    text: str
    left: list[int]
    right: list[int]
    raws: list[str]
    words: list[str]
    is_word: list[bool]
    lower_share: float
    segment: list[int]
    sentence: list[int]
    line: str
    starts: dict[int, int]
    ends: dict[int, int]

    def __len__(self) -> int:
        return len(self.words)

    def raw(self, index: int) -> str:
        return self.raws[index]

    def span(self, first: int, last: int) -> Span:
        """Of tokens first to last (half-open) in code points of the text."""
        return Span(self.left[first], self.right[last - 1])

    def at(self, span: Span) -> tuple[int, int]:
        """The half-open range of tokens that a span of the text touches."""
        first = bisect_left(self.right, span.start + 1)
        return first, max(bisect_left(self.left, span.end), first)

    def segment_of(self, index: int) -> range:
        """The tokens of the segment that token `index` stands in."""
        number = self.segment[index]
        return range(bisect_left(self.segment, number), bisect_right(self.segment, number))

    def is_mark(self, index: int) -> bool:
        return index >= len(self.words) or not self.is_word[index]

    def after(self, index: int) -> int:
        """The next index at or after `index` that is no hyphen."""
        while index < len(self.words) and self.words[index] in HYPHENS:
            index += 1
        return index

    def before(self, index: int) -> int:
        """The next index at or before `index` that is no hyphen; -1 at the start."""
        while index >= 0 and self.words[index] in HYPHENS:
            index -= 1
        return index


def read_tokens(text: str, abbreviations: frozenset[str] = frozenset()) -> Tokens:
    places = bounds(text)
    left = [start for start, _ in places]
    right = [end for _, end in places]
    raws = [text[start:end] for start, end in places]
    if text.isascii():
        low = text.lower()
        words = [low[start:end] for start, end in places]
    else:
        words = [normalize(raw) for raw in raws]
    is_word = [word[:1].isalnum() for word in words]
    lower = [raw[0].islower() for raw, plain in zip(raws, is_word, strict=True) if plain]
    share = sum(lower) / len(lower) if lower else 1.0
    line, starts, ends = canonical(words, abbreviations=abbreviations)
    tokens = Tokens(text, left, right, raws, words, is_word, share, [], [], line, starts, ends)
    _cut(tokens)
    return tokens


def _cut(tokens: Tokens) -> None:
    """Numbers the segments and sentences."""
    text, left, words = tokens.text, tokens.left, tokens.words
    told = set(tokens.starts.values()) if "." in words else None  # the full stop of an abbreviation ends nothing
    lines = "\n" in text
    segments = sentences = end = 0
    for index, word in enumerate(words):
        if (lines and "\n" in text[end : left[index]]) or word == "break":
            segments += 1
            sentences += 1
        tokens.segment.append(segments)
        tokens.sentence.append(sentences)
        end = tokens.right[index]
        if word in SEGMENT_ENDS and (told is None or index in told) and not _inside_number(tokens, index):
            segments += 1
            sentences += word in SENTENCE_ENDS


def _inside_number(tokens: Tokens, index: int) -> bool:
    words = tokens.words
    return (
        0 < index < len(words) - 1
        and words[index] in ".,:/"
        and words[index - 1].isdigit()
        and words[index + 1][:1].isdigit()
        and tokens.left[index + 1] == tokens.right[index]
    )
