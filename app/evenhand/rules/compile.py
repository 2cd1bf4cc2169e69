"""Loaded rules in, one frozen Ruleset out: a phrase automaton, RE2 patterns, wording, the revision. Opens no file."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from evenhand.flow import Axis, Reason
from evenhand.rules import schema
from evenhand.rules.load import ListedPhrase, LoadedRule, LoadedRules
from evenhand.rules.patterns import Patterns, Phrases
from evenhand.rules.ruleset import Entry, Ruleset, Wording
from evenhand.text import canonical, normalize, plural, tokenize

BUILT_IN_WHY = {
    "policy/historical-until": "The prompt sets a time before the policy's `historical_until`.",
    "periods/titled-event": "A group and its event are both written as proper names: it happened, and who was there is a fact.",
    "words/capital-names": "A capitalised word that no rule knows stands beside a person noun as its name.",
    "model/name": "The language model reads a name here.",
    "model/person": "The language model reads a person here.",
    "syntax/lora": "A LoRA tag draws somebody in particular.",
    "syntax/quoted": "Quoted text is drawn as letters.",
    "syntax/syntax": "This is syntax of a prompt tool.",
    "syntax/url": "This is an address or a file name.",
    "syntax/negative": "A negative prompt says what not to draw.",
}
NUMBERS = (None, "one", "many")
SCENE_FORMS = frozenset({"place", "tradition", "dress"})
SWITCHES = ("colour", "group", "kin", "national", "weak", "food")


def compile_rules(loaded: LoadedRules) -> Ruleset:
    live = [rule for rule in loaded.rules if f"{rule.kind}/{rule.rule.id}" not in loaded.policy.disable]
    phrases = _phrase_table(live, loaded.policy)
    return Ruleset(
        revision=hashlib.sha256(loaded.digest.encode()).hexdigest()[:8],
        policy=loaded.policy,
        upstreams=loaded.upstreams,
        phrases=Phrases([(key, (len(key), entries)) for key, entries in phrases.items()]),
        patterns=Patterns(list(_patterns(live))),
        wording={(item.rule.axis, item.rule.value): _wording(item.rule) for item in loaded.wording},
        why=BUILT_IN_WHY | {f"{rule.kind}/{rule.rule.id}": rule.rule.why for rule in loaded.rules},
        places=loaded.places,
        phrase_count=len(phrases),
        abbreviations=frozenset(_word_class(live, "abbreviations")),
    )


def canonical_phrase(phrase: str) -> str:
    """As the phrase would stand in a prompt's canonical line, with its two border spaces."""
    if phrase.isascii() and phrase.replace(" ", "").isalnum():
        return f" {' '.join(phrase.lower().split())} "
    return canonical([normalize(phrase[span.start : span.end]) for span in tokenize(phrase)])[0]


def _word_class(rules: Iterable[LoadedRule], name: str) -> Iterator[str]:
    for rule in rules:
        if rule.kind == "words" and rule.rule.id == name:
            yield from (normalize(phrase.one).rstrip(".") for phrase in rule.phrases if phrase.one)


def _phrase_table(rules: Iterable[LoadedRule], policy: schema.PolicyFile) -> dict[str, tuple[Entry, ...]]:
    open_phrases = {canonical_phrase(phrase) for phrase in [*policy.open_places, *policy.open_nationalities]}
    table: defaultdict[str, list[Entry]] = defaultdict(list)
    for rule in rules:
        entries = {
            (number, is_open): _entry(rule, number=number, is_open=is_open) for number in NUMBERS for is_open in (True, False)
        }
        for phrase in rule.phrases:
            for text, number in forms(phrase):
                key = canonical_phrase(text)
                entry = entries[number, rule.kind == "cultures" and key in open_phrases]
                if phrase.exact:
                    entry = replace(entry, exact=tuple(text[span.start : span.end] for span in tokenize(text)))
                if entry not in table[key]:
                    table[key].append(entry)
    return {key: tuple(sorted(entries, key=_entry_order) if len(entries) > 1 else entries) for key, entries in table.items()}


def _entry_order(entry: Entry) -> tuple[str, str]:
    return entry.rule, entry.number or ""


def forms(phrase: ListedPhrase) -> Iterator[tuple[str, str | None]]:
    if not phrase.is_noun:
        if phrase.one:
            yield phrase.one, None
        return
    if phrase.one:
        yield phrase.one, "one"
    many = phrase.many if phrase.many is not None else plural(phrase.one or "")
    if many and many != "-":
        yield many, "many"


def _entry(rule: LoadedRule, *, number: str | None, is_open: bool) -> Entry:
    model: Any = rule.rule
    closes = frozenset[Axis]() if is_open else schema.all_axes(getattr(model, "closes", []) or [])
    states: dict[Axis, str] = {} if is_open else dict(getattr(model, "states", {}))
    form = getattr(model, "form", None)
    flags = {name for name in SWITCHES if getattr(model, name, False)}
    flags |= {word for word in (form, getattr(model, "who", None)) if word}
    flags |= {model.id} if rule.kind == "words" else set()
    return Entry(
        rule=f"{rule.kind}/{model.id}",
        kind=rule.kind,
        axes=closes | frozenset(states),
        states=states,
        reason=_reason(rule.kind, form, model),
        scope="scene" if rule.kind == "periods" or form in SCENE_FORMS else "subject",
        number=number,
        flags=frozenset(flags | ({"open"} if is_open else set())),
        shares=frozenset(getattr(model, "shares", [])),
        during=_years(getattr(model, "during", None)),
        years=_years(getattr(model, "years", None)),
    )


def _reason(kind: str, form: str | None, model: Any) -> Reason | None:
    fixed: dict[str, Reason] = {
        "people": "named",
        "periods": "period",
        "terms": "explicit",
        "cues": "cue",
        "religions": "religion",
        "sensitive": "sensitive",
    }
    if kind == "cultures":
        return "nationality" if form == "nationality" else "culture"
    if kind == "roles":
        reason: Reason = model.reason
        return reason
    return fixed.get(kind)


def _years(span: str | None) -> tuple[int, int] | None:
    if span is None:
        return None
    first, last = span.split("..")
    return int(first), int(last)


def _patterns(rules: Iterable[LoadedRule]) -> Iterator[tuple[str, Entry]]:
    for rule in rules:
        prefix = "" if rule.rule.case == "exact" else "(?i)"
        for pattern in rule.rule.patterns:
            yield rf"{prefix}(?:^|\b)(?:{pattern})(?:\b|$)", _entry(rule, number=None, is_open=False)


def _wording(rule: schema.WordingRule) -> Wording:
    return Wording(
        axis=rule.axis, value=rule.value, adjective=rule.adjective, one=rule.one, many=rule.many, narrow=rule.narrow, tag=rule.tag
    )
