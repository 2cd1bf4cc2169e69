"""The incidents this product exists for, against the shipped rules and the shipped model: what must never be varied, what must
be honoured with only the rest filled (alike for every ethnicity), what must be filled; and that no order of rules matters.
"""

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from evenhand.casebook import file_cases
from evenhand.engine import Engine
from evenhand.engine.record import DecisionRecord, record
from evenhand.flow import Axis, Prompt
from evenhand.rules.compile import compile_rules
from evenhand.rules.load import LoadedRule, LoadedRules, load_folder, shipped_rules
from evenhand.rules.schema import CultureRule, TermRule
from evenhand.text import article

CASES = Path(__file__).parent / "cases"
BOTH: list[Axis] = ["gender", "ethnicity"]
Open = Callable[[str], dict[str, list[Axis]]]

NEVER_VARIED = [
    "Elon Musk on a stage",
    "elon musk eating ramen, 35mm",
    "portrait of clarence thomas",
    "a 1940s German leader",
    "1943 German soldier, photo",
    "Vikings on a longship",
    "a pope in the Vatican",
    "the Founding Fathers signing the Declaration of Independence",
    "US senators in the 1850s",
    "Robert Downey Jr. as Iron Man",
    "medieval knights",
    "a samurai",
    "my wife on a beach",
    "a girl with 1940s hair in 1944",
    "a couple kissing in Kyoto",
    "an Asian elephant",
    "a German shepherd and a Persian cat",
    "white wine on Black Friday",
    "a robot chef",
    "a cat dressed as a doctor",
    "an empty classroom, no people",
]
HEADS_KEPT = [
    ("Elon Musk on a stage", ["Elon Musk"]),
    ("elon musk eating ramen, 35mm", ["elon musk"]),
    ("portrait of clarence thomas", ["clarence thomas"]),
    ("my wife on a beach", ["wife"]),
    ("a couple kissing in Kyoto", ["couple"]),
    ("a girl with 1940s hair in 1944", ["girl"]),
    ("an Asian elephant", []),
    ("a German shepherd and a Persian cat", []),
    ("white wine on Black Friday", []),
    ("a robot chef", []),
    ("a cat dressed as a doctor", []),
    ("an empty classroom, no people", []),
]
HONOURED: list[tuple[str, dict[str, list[Axis]]]] = [
    ("a Black teacher in a classroom", {"teacher": ["gender"]}),
    ("a white veterinarian with a dog", {"veterinarian": ["gender"]}),
    ("an Asian man and his white wife", {"man": [], "wife": []}),
    ("a glamour shot of a Chinese couple", {"couple": []}),
]
FILLED: list[tuple[str, dict[str, list[Axis]]]] = [
    ("a doctor", {"doctor": BOTH}),
    ("two engineers at a whiteboard", {"engineers": BOTH}),
    ("a crowd at a concert", {"crowd": BOTH}),
    ("a nurse in a white coat", {"nurse": BOTH}),
    ("a Black teacher talking with a student", {"teacher": ["gender"], "student": BOTH}),
    ("a doctor and her patient", {"doctor": ["ethnicity"], "patient": BOTH}),
    ("a chef, oil painting by Rembrandt", {"chef": BOTH}),
    ("a tourist in Tokyo", {"tourist": BOTH}),
    ("three firefighters and a dog", {"firefighters": BOTH}),
    ("(doctor:1.3), 8k --ar 16:9", {"doctor": BOTH}),
]
WRITTEN_OTHERWISE = [str, str.lower, str.upper]


@pytest.mark.parametrize("written", WRITTEN_OTHERWISE, ids=["as-is", "lower", "upper"])
@pytest.mark.parametrize("text", NEVER_VARIED)
def test_never_varied(engine: Engine, text: str, written: Callable[[str], str]) -> None:
    decision = engine.decide(Prompt(text=written(text), images=4))
    assert (decision.outcome, decision.texts) == ("unchanged", ())


@pytest.mark.parametrize(("text", "heads"), HEADS_KEPT)
def test_who_is_kept_and_who_is_nobody(open_in: Open, text: str, heads: list[str]) -> None:
    assert list(open_in(text)) == heads


@pytest.mark.parametrize("written", WRITTEN_OTHERWISE, ids=["as-is", "lower", "upper"])
@pytest.mark.parametrize(("text", "wanted"), [*HONOURED, *FILLED])
def test_honoured_and_filled(open_in: Open, text: str, wanted: dict[str, list[Axis]], written: Callable[[str], str]) -> None:
    assert open_in(written(text)) == {written(head): axes for head, axes in wanted.items()}


@pytest.fixture(scope="module")
def loaded() -> LoadedRules:
    return load_folder(shipped_rules())


def axes_of(rule: LoadedRule) -> set[Axis]:
    model = rule.rule
    if not isinstance(model, TermRule | CultureRule):
        return set()
    return set(model.states) | (set(BOTH) if model.closes == "all" else set(model.closes))


def adjectives(loaded: LoadedRules, kind: str, form: str) -> dict[str, set[Axis]]:
    """Every adjective that says an ethnicity, and all axes that it closes; none that is a past, too ("Anglo-Saxon")."""
    said: defaultdict[str, set[Axis]] = defaultdict(set)
    pasts: set[str] = set()
    words: set[str] = set()
    for rule in loaded.rules:
        axes = axes_of(rule)
        here = {phrase.one for phrase in rule.phrases if phrase.one and not phrase.is_noun}
        pasts |= {word.lower() for word in here if rule.kind == "periods"}
        words |= here if rule.kind == kind and getattr(rule.rule, "form", "") == form and "ethnicity" in axes else set()
        for word in here:
            said[word.lower()] |= axes
    return {word: said[word.lower()] for word in sorted(words) if word.lower() not in pasts}


PARITY: list[tuple[str, dict[str, list[Axis]]]] = [
    ("{} teacher in a classroom", {"teacher": ["gender"]}),
    ("{} veterinarian with a dog", {"veterinarian": ["gender"]}),
    ("an Asian man and his {} wife", {"man": [], "wife": []}),
    ("{} man and his white wife", {"man": [], "wife": []}),
    ("a glamour shot of {} couple", {"couple": []}),
    ("{} teacher talking with a student", {"teacher": ["gender"], "student": ["gender", "ethnicity"]}),
]
# Wherever the word stands, it is said of everybody here (of all but the pilot in the last two).
ETHNICITIES = ["Black", "black", "white", "Asian", "Korean", "Nigerian", "Hispanic", "Indian", "Native American"]
STATED = [
    "{} teacher",
    "a {} teacher's face",
    "a tired, {} teacher",
    "a {}, bearded teacher",
    "a young {} female teacher",
    "a beautiful {} 30-year-old teacher",
    "a teacher who is {}",
    "the teacher is {}",
    "a teacher. The teacher is {}.",
    "a teacher ({})",
    "photo of a teacher, {}",
    "photo of a teacher, {}, 8k",
    "teacher, {}, smiling, park",
    "({} teacher:1.3), 8k",
    "a teacher of {} descent",
    "a {}-American teacher",
    "a {} man, teacher",
    "a teacher, {} woman",
    "the teacher, a {} woman, smiles",
    "a {} woman working as a teacher",
    "two teachers, both {}",
    "three teachers, all {}",
    "a group of {} teachers",
    "a teacher and a nurse, both {}",
    "a teacher and a nurse who are both {}",
    "a teacher and a nurse. Both are {}.",
    "a {} teacher and a pilot",
    "a {} teacher talking with a pilot in a white coat",
]
KINDS = [("terms", "adjective"), ("cultures", "nationality")]


@pytest.mark.parametrize(("kind", "form"), KINDS, ids=["ethnicities", "nationalities"])
@pytest.mark.parametrize(("frame", "wanted"), PARITY, ids=[frame for frame, _ in PARITY])
def test_parity(loaded: LoadedRules, open_in: Open, frame: str, wanted: dict[str, list[Axis]], kind: str, form: str) -> None:
    unlike = []
    words = adjectives(loaded, kind, form)
    for word, closed in words.items():
        due = {head: [axis for axis in axes if head == "student" or axis not in closed] for head, axes in wanted.items()}
        said = word if "his {}" in frame else f"{article(word)} {word}"
        found = open_in(frame.format(said))
        if found != due:
            unlike.append((word, found))
    assert len(words) > 20
    assert unlike == []


@pytest.mark.parametrize("frame", STATED)
def test_a_stated_ethnicity_is_never_changed(open_in: Open, frame: str) -> None:
    changed = [
        (word, head)
        for word in ETHNICITIES
        for head, axes in open_in(frame.format(word)).items()
        if "ethnicity" in axes and head != "pilot"
    ]
    assert changed == []


def shuffled(loaded: LoadedRules, seed: int) -> LoadedRules:
    rng = random.Random(seed)
    rules = [replace(rule, phrases=tuple(rng.sample(rule.phrases, len(rule.phrases)))) for rule in loaded.rules]
    wording = rng.sample(loaded.wording, len(loaded.wording))
    return replace(loaded, rules=tuple(rng.sample(rules, len(rules))), wording=tuple(wording))


def prompts() -> list[Prompt]:
    texts = sorted({case.example.say for case in file_cases([CASES])})
    chosen = random.Random(11).sample(texts, min(300, len(texts)))
    return [Prompt(text=text, images=2, seed=place) for place, text in enumerate(chosen)]


@pytest.mark.parametrize("seed", [1, 2])
def test_no_order_of_rules_changes_a_decision(engine: Engine, loaded: LoadedRules, seed: int) -> None:
    one = Engine(compile_rules(loaded), tagger=engine.tagger)
    other = Engine(compile_rules(shuffled(loaded, seed)), tagger=engine.tagger)
    asked = prompts()
    assert len(asked) == 300

    def told(by: Engine, prompt: Prompt) -> DecisionRecord:
        return record(by.decide(prompt), by.rules)

    unlike = [prompt.text for prompt in asked if told(one, prompt) != told(other, prompt)]
    assert unlike == []
