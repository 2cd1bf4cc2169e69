"""Prompt in, Analysis out: read, find mentions, sift, join, bind, set the scene. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from evenhand.engine.bind import bind
from evenhand.engine.blind import blind_labels
from evenhand.engine.cast import ALL_AXES, Cast, Person, hand_down, make_cast, told
from evenhand.engine.corefer import corefer
from evenhand.engine.families import bind_kin
from evenhand.engine.groups import Groups
from evenhand.engine.language import language_of
from evenhand.engine.loras import named_by_tags
from evenhand.engine.mentions import Mention, find_mentions
from evenhand.engine.pronouns import bind_pronouns
from evenhand.engine.reading import Reading, note, read_matches
from evenhand.engine.scene import set_scene
from evenhand.engine.sift import sift
from evenhand.engine.slots import find_slots
from evenhand.engine.tagger import Tagger
from evenhand.engine.tokens import read_tokens
from evenhand.engine.zones import style_zones
from evenhand.flow import Analysis, Axis, Count, Finding, Note, Prompt, Span, Subject
from evenhand.rules.ruleset import Ruleset
from evenhand.rules.schema import PolicyFile

FEW = 12
SILENT = frozenset({"compound", "collective"})
UNDESCRIBED = SILENT | {"weak", "model"}  # what stands before these may still describe somebody


def analyse(prompt: Prompt, rules: Ruleset, *, tagger: Tagger, policy: PolicyFile) -> Analysis:
    tokens = read_tokens(prompt.text, rules.abbreviations)
    reading = read_matches(tokens, rules)
    reading = replace(reading, labels=blind_labels(reading, tagger))
    language = language_of(reading)
    if language != "en":
        whole = Note(span=Span(0, len(prompt.text)), kind="language", rule="words/foreign")
        return Analysis(prompt=prompt, subjects=(), notes=(whole,), language=language)
    zones = style_zones(reading)
    mentions = sift(reading, find_mentions(reading), zones)
    groups = corefer(reading, mentions)
    cast = make_cast(groups)
    refused = _refused(mentions, groups)
    bind(reading, cast, zones, refused)
    bind_pronouns(reading, cast)
    set_scene(reading, cast, zones, refused, until=policy.historical_until)
    _called_out(reading, cast, rules)
    bind_kin(reading, cast)
    people = hand_down(cast)
    places = {id(person): place for place, person in enumerate(people)}
    subjects = tuple(_subject(reading, person, places) for person in people)
    return Analysis(prompt=prompt, subjects=subjects, notes=tuple(_notes(reading, mentions, groups)), language=language)


def _called_out(reading: Reading, cast: Cast, rules: Ruleset) -> None:
    """A LoRA of somebody in particular draws that one in place of the one person there is."""
    for span in named_by_tags(reading, rules):
        for person in cast.nearest(reading.tokens.at(span)[0]):
            person.findings.append(Finding(span=span, reason="named", rule="syntax/lora", axes=ALL_AXES))


def _refused(mentions: Sequence[Mention], groups: Groups) -> frozenset[int]:
    dropped = {index for index, (why_not, _) in groups.dropped.items() if why_not == "body"}
    out: set[int] = set()
    for index, mention in enumerate(mentions):
        if mention.kind == "body" or index in dropped or (mention.why_not and mention.why_not not in UNDESCRIBED):
            out.update(range(mention.first, mention.last))
    return frozenset(out)


def _notes(reading: Reading, mentions: Sequence[Mention], groups: Groups) -> list[Note]:
    found = list(reading.notes)
    for index, mention in enumerate(mentions):
        why_not, rule = groups.dropped.get(index, (mention.why_not, mention.rule))
        if why_not and why_not not in SILENT:
            found.append(note(reading.tokens, mention.head, mention.last, kind=why_not, rule=rule))
    return sorted(found, key=lambda each: (each.span, each.kind))


def _subject(reading: Reading, person: Person, places: Mapping[int, int]) -> Subject:
    lead = person.lead
    slots, article = find_slots(reading, lead)
    collective = lead.has("group") and not lead.many
    number = None if collective else lead.number
    shares: frozenset[Axis] = frozenset(axis for entry in lead.entries for axis in entry.shares)
    return Subject(
        span=reading.tokens.span(lead.first, lead.last),
        head=reading.tokens.span(lead.head, lead.last),
        count=_count(lead, number=number),
        number=number,
        findings=tuple(sorted(told(person.findings), key=_by_place)),
        shares=shares,
        slots=slots,
        article=article,
        is_collective=collective,
        kin_of=places.get(id(person.kin_of)),
    )


def _by_place(finding: Finding) -> tuple[Span, str, list[Axis]]:
    """So that no decision depends on the order of rules."""
    return finding.span, finding.rule, sorted(finding.axes)


def _count(lead: Mention, *, number: int | None) -> Count:
    if number is None:
        return "many"
    return "one" if number == 1 and not lead.many else "few" if number <= FEW else "many"
