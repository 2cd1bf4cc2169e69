"""Loaded rules in, one Ruleset out: what each kind's phrases come to mean, which forms a noun has, what the revision hangs on."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evenhand.flow import AXES
from evenhand.rules.compile import canonical_phrase, compile_rules
from evenhand.rules.load import load_folder, shipped_rules
from evenhand.rules.ruleset import Entry, Ruleset

POLICY = "kind: policy\naxes: {gender: {woman: 50, man: 50}, ethnicity: {Black: 50, white: 50}}\n"
ALL = frozenset(AXES)
Compile = Callable[..., Ruleset]


@pytest.fixture
def compiled(tmp_path: Path) -> Compile:
    """compiled(kind="the rule's own keys", ..., policy="more policy") -> Ruleset."""

    def build(*, policy: str = "", **kinds: str) -> Ruleset:
        (tmp_path / "en").mkdir(exist_ok=True)
        (tmp_path / "policy.yaml").write_text(POLICY + policy)
        for kind, keys in kinds.items():
            rule = f"kind: {kind}\nrules:\n  - {{id: x, {keys}, why: Because., examples: [{{say: x, leave: all}}]}}\n"
            (tmp_path / f"en/{kind}.yaml").write_text(rule, encoding="utf-8")
        return compile_rules(load_folder(tmp_path))

    return build


def phrases(rules: Ruleset, text: str) -> list[Entry]:
    """What a phrase means, where it is the whole of a prompt's line."""
    line = canonical_phrase(text)
    return [entry for _, (length, entries) in rules.phrases.iter(line) if length == len(line) for entry in entries]


MEANINGS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("people", "match: [Ola Quill]", "ola quill", {"reason": "named", "scope": "subject", "number": None}),
    ("people", "match: [Ola Quill], who: artist", "ola quill", {"flags": {"artist"}}),
    ("periods", "match: [medieval]", "medieval", {"reason": "period", "scope": "scene", "axes": ALL, "number": None}),
    ("periods", "match: [{one: viking}]", "vikings", {"reason": "period", "scope": "scene", "axes": ALL, "number": "many"}),
    ("periods", "match: [legion], during: -50..400", "legion", {"during": (-50, 400)}),
    ("periods", "match: [Great War], years: 1914..1918", "great war", {"years": (1914, 1918)}),
    (
        "terms",
        "match: [female], states: {gender: woman}",
        "female",
        {"reason": "explicit", "axes": {"gender"}, "states": {"gender": "woman"}},
    ),
    (
        "terms",
        "match: [black], closes: [ethnicity], colour: true",
        "black",
        {"axes": {"ethnicity"}, "flags": {"adjective", "colour"}},
    ),
    ("terms", "match: [1girl], states: {gender: woman}, as: tag", "1girl", {"flags": {"tag"}}),
    ("terms", "match: [{one: girl}], states: {gender: woman}", "girls", {"number": "many"}),
    (
        "cultures",
        "match: [German], as: nationality",
        "german",
        {"reason": "nationality", "scope": "subject", "axes": {"ethnicity"}},
    ),
    ("cultures", "match: [Lagos], as: place", "lagos", {"reason": "culture", "scope": "scene"}),
    ("cultures", "match: [Diwali], as: tradition", "diwali", {"reason": "culture", "scope": "scene"}),
    ("cultures", "match: [kimono], as: dress", "kimono", {"reason": "culture", "scope": "scene"}),
    ("roles", "match: [nurse]", "nurse", {"reason": "role", "axes": set(), "number": "one"}),
    ("roles", "match: [nurse]", "nurses", {"number": "many"}),
    ("roles", "match: [couple], reason: pair, closes: [gender], group: true", "couple", {"reason": "pair", "flags": {"group"}}),
    ("roles", "match: [family], shares: [ethnicity]", "families", {"shares": {"ethnicity"}, "number": "many"}),
    ("roles", "match: [model], weak: true", "model", {"flags": {"weak"}}),
    ("roles", "match: [wife], kin: true", "wife", {"flags": {"kin"}}),
    ("cues", "match: [bearded], closes: [gender]", "bearded", {"reason": "cue", "axes": {"gender"}}),
    ("religions", "match: [Sikh]", "sikh", {"reason": "religion", "axes": {"ethnicity"}}),
    ("sensitive", "match: [lazy]", "lazy", {"reason": "sensitive", "axes": ALL}),
    ("collocations", "match: [Black Friday]", "black friday", {"axes": set(), "number": None}),
    ("bodies", "match: [fox]", "foxes", {"number": "many"}),
    ("things", "match: [noodle], food: true", "noodles", {"number": "many", "flags": {"food"}}),
    ("styles", "match: [art by], as: before", "art by", {"flags": {"before"}}),
    ("words", "match: [she]", "she", {"flags": {"x"}}),
]


@pytest.mark.parametrize(("kind", "keys", "phrase", "wanted"), MEANINGS)
def test_what_a_phrase_means(compiled: Compile, kind: str, keys: str, phrase: str, wanted: dict[str, Any]) -> None:
    (entry,) = phrases(compiled(**{kind: keys}), phrase)
    assert (entry.rule, entry.kind) == (f"{kind}/x", kind)
    assert {name: getattr(entry, name) for name in wanted} == wanted


FORMS = [
    ("match: [nurse]", {"nurse": "one", "nurses": "many"}),
    ("match: [{one: child, many: children}]", {"child": "one", "children": "many", "childs": None}),
    ("match: [{many: twins}]", {"twins": "many", "twin": None}),
    ("match: [{one: '-', many: Scots}]", {"scots": "many", "-": None}),
    ("match: [{one: boss}, {one: lady}]", {"bosses": "many", "ladies": "many"}),
    ("match: [{one: folk, many: '-'}]", {"folk": "one", "folks": None}),
]


@pytest.mark.parametrize(("keys", "wanted"), FORMS)
def test_forms_of_a_noun(compiled: Compile, keys: str, wanted: dict[str, str | None]) -> None:
    rules = compiled(roles=keys)
    assert {text: next((entry.number for entry in phrases(rules, text)), None) for text in wanted} == wanted


SPELLINGS = [
    ("Spider-Man", " spider man "),
    ("spider man", " spider man "),
    ("Dr. Who", " dr who "),
    ("D'Artagnan", " d artagnan "),
    ("caf\u00e9 owner", " cafe owner "),
    ("BLACK  Friday", " black friday "),
    ("\U0001f469\U0001f3fe\u200d\U0001f692", " \U0001f469\U0001f3fe\U0001f692 "),
]


@pytest.mark.parametrize(("phrase", "line"), SPELLINGS)
def test_one_spelling_stands_for_all(phrase: str, line: str) -> None:
    assert canonical_phrase(phrase).replace("d artagnan", "dartagnan") == line.replace("d artagnan", "dartagnan")


def test_exact_phrases_remember_their_capitals(compiled: Compile) -> None:
    (entry,) = phrases(compiled(people="match: [Pink Lady], case: exact"), "pink lady")
    assert entry.exact == ("Pink", "Lady")


PATTERNS = [
    ("patterns: ['battle of \\p{L}+']", "the BATTLE of Hastings", ["BATTLE of Hastings"]),
    ("patterns: ['battle of \\p{L}+']", "rebattle of x", []),
    ("patterns: ['Battle of [A-Z]\\p{L}+'], case: exact", "battle of wits, Battle of Ulm", ["Battle of Ulm"]),
    ("patterns: ['ab', 'cd']", "ab cd abcd", ["ab", "cd"]),
]


@pytest.mark.parametrize(("keys", "text", "wanted"), PATTERNS)
def test_patterns_stand_at_word_borders(compiled: Compile, keys: str, text: str, wanted: list[str]) -> None:
    rules = compiled(periods=keys)
    assert sorted(text[span.start : span.end] for span, _ in rules.patterns.find(text)) == sorted(wanted)


def test_without_patterns_nothing_is_found(compiled: Compile) -> None:
    assert list(compiled(roles="match: [nurse]").patterns.find("a nurse")) == []


def test_open_places_and_nationalities_close_nothing(compiled: Compile) -> None:
    cultures = "match: [London, Lagos], as: place"
    rules = compiled(
        cultures=cultures,
        policy="open_places: [LONDON]\nopen_nationalities: [nurse]\n",
        roles="match: [nurse], states: {gender: woman}",
    )
    assert [(entry.axes, entry.has("open")) for entry in phrases(rules, "london")] == [(frozenset(), True)]
    assert [(set(entry.axes), entry.has("open")) for entry in phrases(rules, "lagos")] == [({"ethnicity"}, False)]
    assert [entry.axes for entry in phrases(rules, "nurse")] == [{"gender"}]


def test_a_disabled_rule_is_gone_but_still_explained(compiled: Compile) -> None:
    rules = compiled(roles="match: [nurse]", periods="match: [medieval]", policy="disable: [periods/x]\n")
    assert phrases(rules, "medieval") == []
    assert [entry.rule for entry in phrases(rules, "nurse")] == ["roles/x"]
    assert rules.why["periods/x"] == "Because."


def test_one_phrase_may_mean_several_things(compiled: Compile) -> None:
    rules = compiled(roles="match: [knight]", periods="match: [{one: knight}]")
    assert sorted(entry.rule for entry in phrases(rules, "knight")) == ["periods/x", "roles/x"]


def test_the_revision_is_that_of_the_bytes(compiled: Compile) -> None:
    one = compiled(roles="match: [nurse]")
    assert len(one.revision) == 8
    assert compiled(roles="match: [nurse]").revision == one.revision
    assert compiled(roles="match: [nurse, chef]").revision != one.revision
    assert compiled(roles="match: [nurse]", policy="mode: shadow\n").revision != one.revision


def test_wording_is_found_by_axis_and_value(shipped: Ruleset) -> None:
    assert shipped.wording["gender", "woman"].narrow["person"] == "woman"
    assert shipped.wording["ethnicity", "East Asian"].adjective == "East Asian"


def test_the_order_of_rules_and_phrases_changes_nothing_but_the_revision(village_like: Path) -> None:
    loaded = load_folder(village_like)
    turned = replace(loaded, rules=tuple(replace(rule, phrases=rule.phrases[::-1]) for rule in loaded.rules[::-1]))
    one, two = compile_rules(loaded), compile_rules(turned)
    assert one.phrase_count == two.phrase_count
    for rule in loaded.rules:
        for phrase in rule.phrases:
            for text in (phrase.one, phrase.many):
                if text and text != "-":
                    assert phrases(one, text) == phrases(two, text)


@pytest.fixture
def village_like(tmp_path: Path) -> Path:
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "en").mkdir()
    files = {
        "roles": "match: [knight, page]",
        "periods": "match: [{one: knight}, {one: page}]",
        "terms": "match: [page], closes: [gender]",
    }
    for kind, keys in files.items():
        rule = f"kind: {kind}\nrules:\n  - {{id: x, {keys}, why: w, examples: [{{say: x, leave: all}}]}}\n"
        (tmp_path / f"en/{kind}.yaml").write_text(rule)
    return tmp_path


def test_every_phrase_of_the_shipped_rules_can_be_found(shipped: Ruleset) -> None:
    lost = []
    for rule in load_folder(shipped_rules()).rules:
        for phrase in rule.phrases:
            for text in (phrase.one, phrase.many):
                if text and text != "-" and f"{rule.kind}/{rule.rule.id}" not in {entry.rule for entry in phrases(shipped, text)}:
                    lost.append(f"{phrase.place}: {text}")  # noqa: PERF401
    assert lost == []
