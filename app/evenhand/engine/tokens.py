"""Text in, tokens out: spans, normal words, the canonical line, and how punctuation cuts the prompt into segments and
sentences."""

from bisect import bisect_left
from dataclasses import dataclass

from evenhand.flow import Span
from evenhand.text import canonical, normalize, tokenize

SENTENCE_ENDS = frozenset(".!?")
SEGMENT_ENDS = SENTENCE_ENDS | frozenset(",;:|()[]{}/\u2022\u2014\u2013")
HYPHENS = frozenset("-\u2010\u2011")


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """`segment[i]` and `sentence[i]` number the stretch between commas and between full stops that token i stands in."""

    text: str
    spans: list[Span]
    words: list[str]
    segment: list[int]
    sentence: list[int]
    line: str
    starts: dict[int, int]
    ends: dict[int, int]

    def __len__(self) -> int:
        return len(self.words)

    def raw(self, index: int) -> str:
        return self.text[self.spans[index].start : self.spans[index].end]

    def span(self, first: int, last: int) -> Span:
        """Of tokens first to last (half-open) in code points of the text."""
        return Span(self.spans[first].start, self.spans[last - 1].end)

    def at(self, span: Span) -> tuple[int, int]:
        """The half-open range of tokens that a span of the text touches."""
        starts = [each.start for each in self.spans]
        first = bisect_left([each.end for each in self.spans], span.start + 1)
        return first, max(bisect_left(starts, span.end), first)

    def is_mark(self, index: int) -> bool:
        return index >= len(self.words) or not self.words[index][:1].isalnum()

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
    spans = tokenize(text)
    words = [normalize(text[span.start : span.end]) for span in spans]
    line, starts, ends = canonical(words, abbreviations=abbreviations)
    segment, sentence = _stretches(text, spans, words, set(starts.values()))
    return Tokens(text, spans, words, segment, sentence, line, starts, ends)


def _stretches(text: str, spans: list[Span], words: list[str], told: set[int]) -> tuple[list[int], list[int]]:
    segment: list[int] = []
    sentence: list[int] = []
    segments = sentences = 0
    end = 0
    for index, (span, word) in enumerate(zip(spans, words, strict=True)):
        if "\n" in text[end : span.start] or word == "break":
            segments += 1
            sentences += 1
        segment.append(segments)
        sentence.append(sentences)
        if word in SEGMENT_ENDS and index in told and not _inside_number(words, spans, index):
            segments += 1
            sentences += word in SENTENCE_ENDS
        end = span.end
    return segment, sentence


def _inside_number(words: list[str], spans: list[Span], index: int) -> bool:
    return (
        0 < index < len(words) - 1
        and words[index] in ".,:/"
        and words[index - 1].isdigit()
        and words[index + 1][:1].isdigit()
        and spans[index + 1].start == spans[index].end
    )
