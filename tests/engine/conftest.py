"""A small village of rules: rooms are tested apart from the breadth of the shipped words; the grammar is the shipped."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from evenhand.engine import Engine
from evenhand.engine.reading import Reading, read
from evenhand.engine.tagger import NoTagger
from evenhand.flow import Analysis, Prompt
from evenhand.rules import Ruleset, load_rules

ROOT = Path(__file__).parents[2]
GRAMMAR = ("en/words.yaml", "en/words", "en/styles.yaml", "en/styles", "en/wording.yaml")
POLICY = """\
kind: policy
axes:
  gender: {woman: 50, man: 50}
  ethnicity: {Black: 17, East Asian: 17, Hispanic: 17, Middle Eastern: 16, South Asian: 17, white: 16}
open_places: [London]
"""
VILLAGE = {
    "roles": """\
      - {id: work, match: [doctor, nurse, teacher, student, engineer, chef, firefighter, vendor, street vendor, dancer,
          ballet dancer, soldier, warrior, mayor, scientist, owner, patient, monk, waiter, tourist, passenger, worker,
          baker, actor, Dr. Smithy]}
      - {id: generic, match: [{one: person, many: people}, {one: child, many: children}, human, friend]}
      - {id: weak, match: [model, figure, subject], weak: true}
      - {id: groups, match: [crowd, team, group, audience], group: true}
      - {id: family, match: [{one: family, many: families}], shares: [ethnicity], reason: pair, closes: [gender]}
      - {id: couple, match: [couple], group: true, reason: pair, closes: [gender]}
      - {id: wives, match: [{one: wife, many: wives}, mother, sister], kin: true, states: {gender: woman}}
      - {id: men, match: [king, {one: fireman, many: firemen}], states: {gender: man}}
      - {id: gods, match: [goddess], reason: nonhuman, closes: [ethnicity], states: {gender: woman}}
""",
    "terms": """\
      - {id: woman, match: [{one: woman, many: women}, {one: girl}, {one: lady}], states: {gender: woman}}
      - {id: man, match: [{one: man, many: men}, {one: boy}], states: {gender: man}}
      - {id: female, match: [female], states: {gender: woman}}
      - {id: male, match: [male], states: {gender: man}}
      - {id: black, match: [black], states: {ethnicity: Black}, colour: true}
      - {id: white, match: [white], states: {ethnicity: white}, colour: true}
      - {id: asian, match: [Asian, East Asian], states: {ethnicity: East Asian}}
      - {id: diverse, match: [diverse], closes: [gender, ethnicity]}
      - {id: latina, match: [Latina], states: {gender: woman, ethnicity: Hispanic}}
      - {id: races, match: [of all races, of African descent], as: phrase, closes: [ethnicity]}
      - {id: tags, match: [1girl], as: tag, states: {gender: woman}}
      - {id: emoji, match: ["👩🏾‍🚒"], as: emoji, closes: [gender, ethnicity]}
""",
    "cultures": """\
      - {id: peoples, match: [German, Japanese, Chinese, Korean, Ukrainian, Nepalese, French, Italian], as: nationality}
      - {id: spaniards, match: [{one: Spaniard, many: Spaniards}], as: nationality}
      - {id: places, match: [Lagos, Kyoto, Tokyo, Cairo, London, Vietnam], as: place}
      - {id: feasts, match: [Diwali], as: tradition}
      - {id: dresses, match: [kimono, kimonos], as: dress}
""",
    "cues": """\
      - {id: beards, match: [bearded, with a beard], closes: [gender]}
      - {id: fair, match: [blonde, freckled, pale skin], closes: [ethnicity]}
""",
    "religions": "      - {id: islam, match: [Muslim, hijab]}\n",
    "sensitive": """\
      - {id: insults, match: [lazy, ugly, homeless]}
      - {id: crime, match: [{one: thug}, {one: thief, many: thieves}]}
""",
    "people": """\
      - {id: living, match: [Elon Musk, Serena Williams, Emma Stone, Gordon Ramsay, Spider-Man, Iron Man]}
      - {id: past, match: [Marie Curie, Lincoln]}
      - {id: singers, match: [Pink], case: exact}
      - {id: painters, match: [Rembrandt, Greg Rutkowski, Alphonse Mucha], who: artist}
""",
    "periods": """\
      - {id: vikings, match: [{one: viking, many: vikings}, {one: knight, many: knights}]}
      - {id: medieval, match: [medieval, victorian, renaissance]}
      - {id: second-war, match: [World War II], years: 1939..1945}
      - {id: wehrmacht, match: [{one: German soldier, many: German soldiers}], during: 1935..1945}
      - {id: battles, patterns: ['Battle of (?:the )?[A-Z]\\p{L}+'], case: exact}
""",
    "collocations": """\
      - {id: sayings, match: [Black Friday, white wine, couple of, king crab, nurse shark, White House,
          black and white photo]}
""",
    "bodies": """\
      - {id: animals, match: [cat, dog, bear, elephant, horse, fox, German shepherd, Persian cat, Asian elephant]}
      - {id: machines, match: [robot, statue, doll, snowman]}
""",
    "things": """\
      - {id: goods, match: [coat, jacket, uniform, hat, car, map, office, whiteboard, bag, book, picture, sign]}
      - {id: dishes, match: [sausage, noodle, wine], food: true}
""",
}
EVIDENCE = ", why: Because., examples: [{say: x, leave: all}]}"


def village_folder(root: Path) -> Path:
    (root / "en").mkdir(parents=True)
    for name in GRAMMAR:
        source = ROOT / "rules" / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, root / name)
    (root / "policy.yaml").write_text(POLICY)
    for kind, rules in VILLAGE.items():
        ended = "\n".join(line[:-1] + EVIDENCE if line.endswith("}") else line for line in rules.splitlines())
        (root / f"en/{kind}.yaml").write_text(f"kind: {kind}\nrules:\n{ended}\n", encoding="utf-8")
    return root


@pytest.fixture(scope="session")
def village(tmp_path_factory: pytest.TempPathFactory) -> Ruleset:
    return load_rules(village_folder(tmp_path_factory.mktemp("village") / "rules"))


@pytest.fixture(scope="session")
def read_text(village: Ruleset) -> Callable[[str], Reading]:
    """Text -> Reading, with no language model."""
    return lambda text: read(text, village)


@pytest.fixture(scope="session")
def small_engine(village: Ruleset) -> Engine:
    return Engine(village, tagger=NoTagger())


@pytest.fixture(scope="session")
def analysed(small_engine: Engine) -> Callable[[str], Analysis]:
    return lambda text: small_engine.decide(Prompt(text=text)).plan.analysis


@pytest.fixture(scope="session")
def open_axes(small_engine: Engine) -> Callable[[str], dict[str, list[str]]]:
    """Text -> for each head as written the axes that are open."""

    def judge(text: str) -> dict[str, list[str]]:
        plan = small_engine.decide(Prompt(text=text)).plan
        heads: dict[str, list[str]] = {}
        for ruling in plan.rulings:
            head = text[ruling.subject.head.start : ruling.subject.head.end]
            heads.setdefault(head, []).extend([ruling.axis] if ruling.is_open else [])
        return heads

    return judge


@pytest.fixture(scope="session")
def closed_by(small_engine: Engine) -> Callable[[str], dict[str, set[tuple[str, str, str]]]]:
    """Text -> for each head as written what closes which axis: (axis, reason, words)."""

    def judge(text: str) -> dict[str, set[tuple[str, str, str]]]:
        heads: dict[str, set[tuple[str, str, str]]] = {}
        for ruling in small_engine.decide(Prompt(text=text)).plan.rulings:
            head = text[ruling.subject.head.start : ruling.subject.head.end]
            found = {(ruling.axis, each.reason, text[each.span.start : each.span.end]) for each in ruling.closed_by}
            heads.setdefault(head, set()).update(found)
        return heads

    return judge
