"""Which person nouns are nobody to draw: modifiers, bodies, parts, negated, only mentioned, credits. Mentions in, mentions
out."""

from collections.abc import Callable, Iterator, Sequence

from evenhand.engine.capitals import is_capital, is_mixed_case
from evenhand.engine.classes import FEW, LINKS, OWNERS, POINTERS, PRONOUNS, classes
from evenhand.engine.match import Match
from evenhand.engine.mentions import Mention, is_descriptive
from evenhand.engine.others import Others
from evenhand.engine.reading import Reading

ACTING = classes("wearings", "auxiliaries", "relatives")
BODIES = classes("bodies")
BEINGS = BODIES | classes("things")
NEGATION_STOPS = classes("copulas", "relatives", "style-before")
PICTURES = classes("faces", "style-medium", "shown-on")
REF_CERTAIN = 0.85  # the model overrules a bare listed noun only where it is this certain
SOURCE_CERTAIN = 0.9
MANY_CERTAIN = 0.97
PLAIN = FEW | OWNERS
HEAD_CERTAIN = 0.8
WEAK_CERTAIN = 0.62
WEAK_HEAD = 0.65
TITLE_HEAD = 0.95
TITLE_LOWER = 0.6
NEGATION_REACH = 4
FACE_REACH = 3
COMPOUND_GAP = 3
PEOPLES = frozenset({"cultures", "religions", "terms", "cues"})


def sift(reading: Reading, mentions: Sequence[Mention], zones: frozenset[int]) -> list[Mention]:
    """One after the other, so that each sees what became of those before it."""
    others = Others(reading, mentions)
    out: list[Mention] = []
    for mention in mentions:
        out.append((_sifted if mention.kind == "person" else _name)(reading, mention, others, zones))
        others.passed(out[-1])
    return out


def _sifted(reading: Reading, mention: Mention, others: Others, zones: frozenset[int]) -> Mention:
    if mention.head in zones:
        return mention.refused("source", "styles")
    for test in TESTS:
        refused = test(reading, mention, others)
        if refused:
            return mention.refused(*refused)
    return mention


Verdict = tuple[str, str] | None
Test = Callable[[Reading, Mention, Others], Verdict]


def _name(reading: Reading, mention: Mention, others: Others, zones: frozenset[int]) -> Mention:
    """A name is a credit in a style zone, as an artist's tag, before a thing, or in a possessive."""
    if mention.kind != "name":
        return mention
    after = reading.tokens.after(mention.last)
    if mention.head in zones or _is_credit_tag(reading, mention):
        return mention.refused("source", mention.entries[0].rule)
    if reading.has("things", after) or (
        reading.tokens.words[mention.last : mention.last + 1] == ["'s"] and not _face_follows(reading, mention.last)
    ):
        return mention.refused("owner", mention.entries[0].rule)
    if reading.has("shown-on", mention.first - 1) and others.is_anybody_by(mention.first - 2):
        return mention.refused("shown", mention.entries[0].rule)
    return mention


def _is_credit_tag(reading: Reading, mention: Mention) -> bool:
    """An artist's name as a whole segment that is not the first, or one in a list of artists."""
    if not mention.has("artist"):
        return False
    tokens = reading.tokens
    segment = tokens.segment[mention.head]
    before = mention.first - 1
    alone = before >= 0 and tokens.segment[before] != segment
    return alone or (
        before >= 0
        and (reading.has("source-links", before) or reading.tokens.words[before] == ",")
        and reading.has("people", before - 1)
    )


def _modifier(reading: Reading, mention: Mention, others: Others) -> Verdict:
    """ "tourist map", "nurse shark", "woman doctor": the noun after it is the head."""
    after = reading.tokens.after(mention.last)
    if after >= len(reading.tokens) or reading.tokens.segment[after] != reading.tokens.segment[mention.head]:
        return None
    thing = reading.longest(after, "things", "bodies")
    if thing and not reading.has("handlers", after) and not _is_verb(reading, mention, thing):
        return ("modifier", thing.entry.rule)
    if reading.has("parts", after) and not reading.has("faces", after) and not _is_plural_verb(reading, mention, after):
        return ("modifier", "words/parts")
    if not thing and _animal_follows(reading, after):
        return ("modifier", "bodies")
    compound = others.person_from(after)
    if compound is None or mention.has("group") or reading.has("auxiliaries", after) or after != mention.last:
        return None
    described = compound.head - after <= COMPOUND_GAP and all(
        is_descriptive(reading, index) for index in range(after, compound.head)
    )
    return ("compound", compound.entries[0].rule) if described else None


def _animal_follows(reading: Reading, after: int) -> bool:
    """ "baby harp seals": one unknown word and then a body or a thing."""
    unknown = not reading.by_first.get(after) and not reading.tokens.is_mark(after)
    return unknown and not reading.tokens.words[after].endswith(("s", "ing", "ed")) and reading.any(BEINGS, after + 1)


def _is_plural_verb(reading: Reading, mention: Mention, index: int) -> bool:
    """ "a doctor hands a cup": a plural noun after a counted singular is a verb."""
    determined = any(reading.has("determiners", at) for at in range(mention.first, mention.head))
    return mention.many or (determined and reading.tokens.words[index].endswith("s")) or reading.has("determiners", index + 1)


def _is_verb(reading: Reading, mention: Mention, thing: Match) -> bool:
    """A noun of a thing that is a verb here: "a farmer stands in the field", "workers crossing a street"."""
    if thing.entry.kind == "bodies":
        return False
    word = reading.tokens.words[thing.last - 1]
    if word.endswith("ing"):
        return True
    if mention.many:
        return reading.any(PRONOUNS | classes("determiners"), thing.last)
    determined = any(reading.has("determiners", index) for index in range(mention.first, mention.head))
    return thing.entry.number == "many" and determined


def _worn(reading: Reading, mention: Mention, others: Others) -> Verdict:
    """ "wearing nurse outfit": a bare noun after a word of wearing names a dress."""
    before = mention.first - 1
    bare = not any(reading.any(POINTERS, index) for index in range(mention.first, mention.head))
    hyphen = before > 0 and reading.tokens.words[before - 1] == "-"  # "hijab-wearing scientist"
    if before >= 0 and bare and not mention.many and not hyphen and reading.has("wearings", before):
        return ("modifier", "words/wearings")
    return None


def _possessor(reading: Reading, mention: Mention, others: Others) -> Verdict:
    words = reading.tokens.words
    after = mention.last
    is_owner = words[after : after + 1] == ["'s"] or (words[after : after + 1] == ["'"] and mention.many)
    if not is_owner or _face_follows(reading, after):
        return None
    return ("owner", "words/owner")


def _face_follows(reading: Reading, after: int) -> bool:
    return any(reading.has("faces", index) for index in range(after + 1, after + 1 + FACE_REACH))


def _body(reading: Reading, mention: Mention, others: Others) -> Verdict:
    """ "a fox warrior", "robot chef", "person made of bricks", "statue of a soldier"."""
    tokens = reading.tokens
    nonhuman = any(entry.reason == "nonhuman" for entry in mention.entries)
    head_handles = reading.has("handlers", mention.last - 1)
    for match in _bodies_around(reading, mention):
        inside = mention.first <= match.first and match.last <= mention.head
        same = match.first == mention.head and match.last == mention.last and not nonhuman
        if same or (inside and not head_handles and tokens.segment[match.first] == tokens.segment[mention.head]):
            return ("body", match.entry.rule)
        if match.last == mention.first - 1 and tokens.words[mention.first - 1] == "of":
            return ("body", match.entry.rule)
    if any(reading.has("made-of", index) for index in range(mention.last, min(mention.last + 2, len(reading.tokens)))):
        return ("body", "words/made-of")
    return None


def _bodies_around(reading: Reading, mention: Mention) -> Iterator[Match]:
    """Those inside its noun phrase, and one that ends right before the word before it."""
    if reading.seen & BODIES:
        for last in (mention.first - 1, *range(mention.first + 1, mention.last + 1)):
            yield from reading.ending(last, "bodies")


def _part(reading: Reading, mention: Mention, others: Others) -> Verdict:
    before = mention.first - 1
    if (
        before >= 1
        and reading.tokens.words[before] == "of"
        and reading.has("parts", before - 1)
        and not reading.has("faces", before - 1)
    ):
        return ("part", "words/parts")
    return None


def _negated(reading: Reading, mention: Mention, others: Others) -> Verdict:
    tokens = reading.tokens
    index = mention.head - 1
    while index >= 0 and mention.head - index <= NEGATION_REACH + (mention.head - mention.first):
        if tokens.segment[index] != tokens.segment[mention.head]:
            break
        if reading.has("negations", index):
            return ("negation", "words/negations")
        stops = reading.any(NEGATION_STOPS, index) or (index < mention.first and reading.has("prepositions", index))
        if stops and not reading.has("negations", index):
            break
        index -= 1
    return None


def _mentioned(reading: Reading, mention: Mention, others: Others) -> Verdict:
    before = mention.first - 1
    starts = range(max(before - 1, 0), mention.head)
    if any(reading.has("likenings", index) for index in starts):
        return ("mention", "words/likenings")
    near = range(mention.first, mention.head) if mention.head - mention.first < 4 else range(0)
    things = any(reading.has("things", at) and not reading.tokens.words[at].endswith("s") for at in near)
    if mention.many and reading.has("articles", mention.first) and things:
        return ("mention", "words/articles")  # "a medal soldiers receive"
    bare = not any(reading.any(POINTERS, index) for index in range(mention.first, mention.head))
    is_drawn = reading.label(mention.last - 1)[0] == "HEAD" and reading.label(mention.last - 1)[1] >= HEAD_CERTAIN
    if (
        before >= 0
        and bare
        and mention.many
        and (reading.has("recipients", before) or (reading.has("purposes", before) and not is_drawn))
    ):
        return ("mention", "words/recipients")
    if before >= 0 and bare and reading.tokens.words[before] == "of" and not mention.many and _thing_before(reading, before - 1):
        return ("mention", "words/likenings")
    return None


def _thing_before(reading: Reading, index: int) -> bool:
    return index >= 0 and reading.has("things", index)


def _weak(reading: Reading, mention: Mention, others: Others) -> Verdict:
    """A noun that often is no person needs a sign of one: a determiner and somebody's attribute, or the model's word."""
    if not all(entry.has("weak") for entry in mention.entries):
        return None
    of = mention.last
    if mention.has("group") and reading.tokens.words[of : of + 1] == ["of"] and of + 1 in others.firsts:
        return None  # "a group of students": what the group is of decides
    indefinite = reading.any(FEW, mention.first)
    before = mention.first - 1
    pictured = before > 0 and reading.any(PICTURES, before - 1)
    acts = _acts(reading, mention.last)
    if acts and (pictured or indefinite):
        return None
    label, certainty = reading.label(mention.last - 1)
    if label == "HEAD" and certainty >= WEAK_HEAD:
        return None
    if label and (certainty >= WEAK_CERTAIN or label == "HEAD"):
        return ("weak", mention.entries[0].rule)
    described = any(reading.has("attributes", index) for index in range(mention.first, mention.head))
    opens = before < 0 or reading.tokens.segment[before] != reading.tokens.segment[mention.first]
    beside = reading.any(LINKS, before) and indefinite
    return None if described or pictured or (opens and (indefinite or acts)) or beside else ("weak", mention.entries[0].rule)


def _acts(reading: Reading, index: int) -> bool:
    """What follows is said of a person: "wearing", "is", "who", "smiling"."""
    if index >= len(reading.tokens):
        return False
    return reading.any(ACTING, index) or (reading.tokens.words[index].endswith("ing") and not reading.has("things", index))


def _companion_of_a_body(reading: Reading, mention: Mention, others: Others) -> Verdict:
    """ "a beaver ... his companions": a pronoun after a body and no person means the body; its kind are bodies too."""
    if not reading.has("fellows", mention.last - 1):
        return None
    owned = any(reading.any(OWNERS, at) for at in range(mention.first, mention.head))
    body = others.body_before(mention.first)
    return ("body", body.entries[0].rule) if owned and body else None


def _model(reading: Reading, mention: Mention, others: Others) -> Verdict:
    """Where a listed noun stands without "a" or a number, the language model may know better whether somebody is drawn."""
    label, certainty = reading.label(mention.last - 1)
    if label == "SRC" and certainty >= SOURCE_CERTAIN:
        return ("source", "model/src")
    if not all(entry.kind == "roles" for entry in mention.entries):
        return None  # peoples and genders are closed classes; the lists know them better
    inside = (match for index in range(mention.first, mention.head) for match in reading.starting(index, *PEOPLES))
    if any(match.last <= mention.head for match in inside):
        return None  # who has a people, a gender, a faith or a body is somebody, however rare the word is to the model
    owned = mention.first > 0 and reading.tokens.words[mention.first - 1] == "'s"
    plain = owned or reading.any(PLAIN, mention.first) or mention.last - mention.head > 1
    if label and label != "HEAD" and not plain and _noun_follows(reading, mention.last):
        return ("model", f"model/{label.lower()}")
    if label in ("REF", "BODY", "SRC") and certainty >= (MANY_CERTAIN if mention.many else REF_CERTAIN) and not plain:
        return ("model", f"model/{label.lower()}")
    return None


def _noun_follows(reading: Reading, index: int) -> bool:
    """A word that no rule knows and that looks like no verb: "the official currency"."""
    tokens = reading.tokens
    if (
        index >= len(tokens)
        or tokens.is_mark(index)
        or reading.by_first.get(index)
        or tokens.segment[index] != tokens.segment[index - 1]
    ):
        return False
    return not reading.tokens.words[index].endswith(("s", "ing", "ed", "ly"))


def _titled(reading: Reading, mention: Mention, others: Others) -> Verdict:
    """ "the set of Friends": a bare noun with a capital inside a sentence that has few is a name of something."""
    index = mention.head
    bare = mention.first == index and index > 0 and reading.tokens.segment[index - 1] == reading.tokens.segment[index]
    label, certainty = reading.label(mention.last - 1)
    sure = label == "HEAD" and certainty >= TITLE_HEAD
    if not (bare and is_capital(reading, index)) or not reading.has("prepositions", index - 1) or sure:
        return None
    only_roles = all(entry.kind == "roles" for entry in mention.entries)
    return ("source", "words/capital-names") if only_roles and is_mixed_case(reading, share=TITLE_LOWER) else None


TESTS: tuple[Test, ...] = (
    _modifier,
    _worn,
    _possessor,
    _body,
    _part,
    _negated,
    _mentioned,
    _weak,
    _companion_of_a_body,
    _titled,
    _model,
)
