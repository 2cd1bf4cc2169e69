"""Every noun phrase that might be somebody: persons, names, bodies, the user. Each carries why it is no subject, where it
is none."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from evenhand.engine.capitals import capital_names
from evenhand.engine.classes import ATTRIBUTES, NUMBERS, OPENERS, classes
from evenhand.engine.match import Match
from evenhand.engine.reading import Reading
from evenhand.rules.ruleset import Entry

NOUN_KINDS = ATTRIBUTES | {"roles", "periods"}
STOPS = classes(
    *("prepositions", "copulas", "relatives", "auxiliaries", "negations", "disguises", "likenings", "recipients"),
    *("purposes", "style-before", "made-of"),
)
ENDS = STOPS | classes("conjunctions")
COUNTS = classes(*NUMBERS)
BODIES, PEOPLE = classes("bodies"), classes("people")
DESCRIBING = classes("adjectives", "attributes")
# A name that stands in one of these is no unheard-of one, and a person noun in one of these or a word of grammar no unlisted one.
HEARD_OF = classes("collocations", "bodies", "things", "people", "styles", "periods", *ATTRIBUTES)
LISTED = HEARD_OF | classes("words")
MAX_LEFT = 8
MAX_GROUPS = 6  # "1,000,000" has three groups of digits
NAME_CERTAIN = 0.75
HEAD_CERTAIN = 0.93
AGENTIVE = re.compile(
    r"(?:..er|..or|..ist|..ian|..man|..men|..woman|..women|..eer|..ess|..smith|..wright|..ant|..ent|..ologue|..naut|..folk)s?$"
)
MODEL_NAME = Entry(rule="model/name", kind="people", reason="named")
CAPITAL_NAME = Entry(rule="words/capital-names", kind="people", reason="named")
MODEL_PERSON = Entry(rule="model/person", kind="roles", number="one")


@dataclass(slots=True, eq=False)  # not frozen, but never changed: see Match
class Mention:
    """Tokens first..last; the head noun is head..last. `why_not` is the note's kind where this is nobody to draw."""

    kind: str
    first: int
    head: int
    last: int
    entries: tuple[Entry, ...]
    many: bool = False
    number: int | None = 1
    why_not: str = ""
    rule: str = ""

    def refused(self, why_not: str, rule: str = "") -> "Mention":
        return replace(self, why_not=why_not, rule=rule or f"words/{why_not}")

    def has(self, flag: str) -> bool:
        return any(entry.has(flag) for entry in self.entries)


def find_mentions(reading: Reading) -> list[Mention]:
    nouns = _nouns(reading)
    heads = {match.last - 1 for match, _ in nouns}
    mentions = [_person(reading, match, entries, heads) for match, entries in nouns]
    mentions += _names(reading) + _unlisted(reading, nouns) + _counting_tags(reading, nouns)
    if reading.seen & BODIES:
        mentions += [_simple(match, "body") for match in reading.matches if match.entry.kind == "bodies"]
    mentions += [_simple(match, "self") for match in reading.matches if match.entry.kind == "words" and match.entry.has("selves")]
    return sorted(mentions, key=lambda mention: (mention.head, mention.last))


def _nouns(reading: Reading) -> list[tuple[Match, tuple[Entry, ...]]]:
    """Person nouns, one an end token: the longest, with the entries of all that share its tokens."""
    longest: dict[int, Match] = {}
    for match in reading.matches:
        if match.entry.number is not None and match.entry.kind in NOUN_KINDS and not _is_adjective_here(reading, match):
            best = longest.get(match.last)
            if best is None or match.length > best.length:
                longest[match.last] = match
    over: defaultdict[int, list[Match]] = defaultdict(list)
    for match in longest.values():
        for index in range(match.first, match.last):
            over[index].append(match)
    kept = [match for match in longest.values() if not _inside_longer(match, [*over[match.first], *over[match.last - 1]])]
    return [(match, _entries(reading, match)) for match in sorted(kept, key=lambda match: match.first)]


def _is_adjective_here(reading: Reading, match: Match) -> bool:
    """A word that is noun and adjective ("Thai", "female") is the adjective where another word of the phrase follows it."""
    if match.entry.number == "many":
        return False
    if not any(
        other.last == match.last and other.entry.number is None and other.entry.kind in ATTRIBUTES
        for other in reading.by_first[match.first]
    ):
        return False
    after = reading.tokens.after(match.last)
    if _ends_phrase(reading, after):
        return False
    acts = reading.tokens.words[after].endswith("ing")  # "a Thai reading on a bench"
    return not (acts and (reading.has("determiners", after + 1) or _ends_phrase(reading, after + 1)))


def _ends_phrase(reading: Reading, index: int) -> bool:
    return index >= len(reading.tokens) or reading.tokens.is_mark(index) or reading.any(ENDS, index)


def _inside_longer(match: Match, others: Iterable[Match]) -> bool:
    """Inside another noun, or running into one that ends later: "young person" in "young person of color"."""
    return any(
        (other.first <= match.first and match.last <= other.last and other.length > match.length)
        or match.first < other.first < match.last < other.last
        for other in others
    )


def _entries(reading: Reading, match: Match) -> tuple[Entry, ...]:
    same = [other.entry for other in reading.by_first[match.first] if other.last == match.last and other.entry.number is not None]
    inside = [
        other.entry
        for index in range(match.first, match.last)
        for other in reading.starting(index, *ATTRIBUTES)
        if other.last <= match.last and other.length < match.length and other.entry.number is not None
    ]
    return (*(same or [match.entry]), *inside)


def _person(reading: Reading, match: Match, entries: tuple[Entry, ...], heads: set[int], *, many: bool | None = None) -> Mention:
    first = phrase_start(reading, match.first, heads)
    many = all(entry.number == "many" for entry in entries) if many is None else many
    number = _number(reading, first, match.first)
    if number is None and not many:
        number = 1
    return Mention(
        kind="person",
        first=first,
        head=match.first,
        last=match.last,
        entries=entries,
        many=many or (number or 1) > 1,
        number=number,
    )


def phrase_start(reading: Reading, head: int, heads: set[int]) -> int:
    """The first token of the noun phrase whose head begins at `head`: adjectives, nouns before it, numbers, a determiner."""
    tokens = reading.tokens
    index = head - 1
    first = head
    while index >= 0 and head - index <= MAX_LEFT and tokens.sentence[index] == tokens.sentence[head]:
        if reading.any(OPENERS, index) or _is_number(reading, index):
            first = index
            index -= 1
            continue
        if not _continues(reading, index, head, heads):
            break
        if not tokens.is_mark(index) and not _links(reading, index):
            first = index
        index -= 1
    return first


def _continues(reading: Reading, index: int, head: int, heads: set[int]) -> bool:
    tokens = reading.tokens
    word = tokens.words[index]
    if reading.any(OPENERS, index + 1) and not _is_number(reading, index + 1):
        return False
    if _links(reading, index):
        return is_descriptive(reading, index - 1) and (is_descriptive(reading, index + 1))
    if tokens.is_mark(index):
        if reading.has("attributes", index):
            return True  # "a latin@ singer"
        return word in "-\u2010\u2011'\u2019"
    if reading.any(ENDS, index):
        return False
    if index in heads and index + 1 < head and not reading.has("attributes", index):
        return False
    is_verb = word.endswith("ing") and not reading.has("adjectives", index) and index - 1 in heads
    return not is_verb


def is_descriptive(reading: Reading, index: int) -> bool:
    if index < 0 or index >= len(reading.tokens):
        return False
    return reading.any(DESCRIBING, index) or is_adjective_like(reading.tokens.words[index])


def _links(reading: Reading, index: int) -> bool:
    return reading.has("linkers", index) or reading.tokens.words[index] in (",", "/")


ADJECTIVE_ENDINGS = ("ful", "ous", "ive", "less", "able", "ible", "ical", "ish", "esque", "haired", "eyed", "skinned", "dressed")


def is_adjective_like(word: str) -> bool:
    return len(word) > 5 and word.endswith(ADJECTIVE_ENDINGS)


def _is_number(reading: Reading, index: int) -> bool:
    return reading.tokens.words[index].isdigit() or reading.any(COUNTS, index)


def _number(reading: Reading, first: int, head: int) -> int | None:
    for index in range(first, head):
        if _is_age(reading, index):
            continue
        if reading.any(COUNTS, index):
            return next(number for number, name in enumerate(NUMBERS, start=2) if reading.has(name, index))
        word = reading.tokens.words[index]
        if word.isdecimal() and len(word) < 4:
            return _grouped(reading, index)
    return None


def _grouped(reading: Reading, index: int) -> int | None:
    """The number whose last digits stand at `index`: "12", or "1,000", whose groups are parted by commas."""
    words = reading.tokens.words
    digits = words[index]
    most = 3 * MAX_GROUPS
    while len(digits) < most and index > 1 and words[index - 1] == "," and words[index - 2].isdecimal() and len(digits) % 3 == 0:
        index -= 2
        digits = words[index] + digits
    last = index
    while (
        len(digits) < most
        and last + 2 < len(words)
        and words[last + 1] == ","
        and len(words[last + 2]) == 3
        and words[last + 2].isdecimal()
    ):
        last += 2
        digits = digits if digits.endswith(words[last]) and len(digits) > 3 else digits + words[last]
    return int(digits) or None


def _is_age(reading: Reading, index: int) -> bool:
    after = reading.tokens.after(index + 1)
    word = reading.tokens.words[after] if after < len(reading.tokens) else ""
    return reading.tokens.words[index].isdigit() and (word.startswith(("year", "yr", "yo")) or word == "y")


def _names(reading: Reading) -> list[Mention]:
    listed = (match for match in reading.matches if match.entry.kind == "people") if reading.seen & PEOPLE else ()
    return [_named(match.first, match.last, match.entry) for match in listed]


def _counting_tags(reading: Reading, nouns: list[tuple[Match, tuple[Entry, ...]]]) -> list[Mention]:
    """ "1girl", "2boys": a tag that counts somebody is somebody."""
    taken = {index for match, _ in nouns for index in range(match.first, match.last)}
    found = []
    for match in reading.matches:
        if "tag" not in match.entry.flags or not match.entry.states:
            continue
        digits = reading.tokens.words[match.first][:1]
        if digits.isdecimal() and match.length == 1 and match.first not in taken:
            taken.add(match.first)
            number = int(digits)
            found.append(Mention("person", match.first, match.first, match.last, (match.entry,), many=number > 1, number=number))
    return found


def _unlisted(reading: Reading, nouns: list[tuple[Match, tuple[Entry, ...]]]) -> list[Mention]:
    """Names and person nouns that no list holds and the language model or the capitals tell."""
    taken = {index for match, _ in nouns for index in range(match.first, match.last)} | set(reading.masked)
    heads = {match.last - 1 for match, _ in nouns}
    names = [_named(*run, MODEL_NAME) for run in _runs(reading, "NAME", NAME_CERTAIN) if _is_unheard_of(reading, *run, taken)]
    named = {index for mention in names for index in range(mention.first, mention.last)}
    names += [_named(*run, CAPITAL_NAME) for run in capital_names(reading, heads) if not named & set(range(*run))]
    people = [last - 1 for _, last in _runs(reading, "HEAD", HEAD_CERTAIN)]
    return names + [
        _unlisted_person(reading, index, heads)
        for index in people
        if index not in taken and not reading.any(LISTED, index) and _is_agent(reading, index)
    ]


def _named(first: int, last: int, entry: Entry) -> Mention:
    return Mention(kind="name", first=first, head=first, last=last, entries=(entry,))


def _is_unheard_of(reading: Reading, first: int, last: int, taken: set[int]) -> bool:
    """Plain words that stand in no rule and in no hyphened word ("sun-kissed" names nobody)."""
    words = reading.tokens.words
    hyphened = any(0 <= at < len(words) and words[at] == "-" for at in (first - 1, last))
    return not hyphened and not any(
        index in taken or reading.any(HEARD_OF, index) or not words[index].isalpha() for index in range(first, last)
    )


def _is_agent(reading: Reading, index: int) -> bool:
    return bool(AGENTIVE.search(reading.tokens.words[index]))


def _unlisted_person(reading: Reading, index: int, heads: set[int]) -> Mention:
    many = reading.tokens.words[index].endswith("s")
    return _person(reading, Match(index, index + 1, MODEL_PERSON), (MODEL_PERSON,), heads, many=many)


def _runs(reading: Reading, label: str, certain: float) -> Iterator[tuple[int, int]]:
    """Stretches of tokens that the model labels so, certain of at least one."""
    labels = reading.labels
    last = 0
    for first in [index for index, (given, _) in enumerate(labels) if given == label]:
        if first < last:
            continue
        last = first
        while last < len(labels) and labels[last][0] == label:
            last += 1
        if max(labels[at][1] for at in range(first, last)) >= certain:
            yield first, last


def _simple(match: Match, kind: str) -> Mention:
    many = match.entry.number == "many"
    return Mention(kind=kind, first=match.first, head=match.first, last=match.last, entries=(match.entry,), many=many)
