"""Where a prompt fixes its draw, nobody gets another draw by typing the same prompt differently, nor can foresee it."""

import random
import unicodedata
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from evenhand.engine import Engine
from evenhand.flow import Prompt
from evenhand.proxy.wishes import Wishes, gist, seed_of
from evenhand.rules.schema import PolicyFile, Sampling
from evenhand.settings import load_settings

BY_PROMPT = PolicyFile(axes={"gender": {"woman": 50, "man": 50}}, sampling=Sampling(by="prompt"))
PROMPT = "a portrait of a doctor and two nurses in a café"
UNSEEN = [chr(code) for code in range(0x11_0000) if unicodedata.category(chr(code)) == "Cf"]
UNSEEN += ["\u0301", "\u034f", "\ufe0f", "\U000e0100", "\u115f", "\u3164", "\x00", "\x7f"]
SPACES = [char for char in map(chr, range(0x3001)) if char.isspace()]


def varied(text: str, chance: random.Random) -> str:
    """The same words to a reader: other cases, spaces and widths; invisible characters anywhere."""
    shapes = [str, str.upper, str.title, str.swapcase, lambda word: "".join(_wide(char) for char in word)]
    words = [chance.choice(shapes)(word) for word in text.split()]
    line = "".join(chance.choice(SPACES) * chance.randint(1, 3) + word for word in words) + chance.choice(["", " ", "\n", "_"])
    line = unicodedata.normalize(chance.choice(["NFC", "NFD", "NFKC", "NFKD"]), line)
    for _ in range(chance.randint(0, 6)):
        at = chance.randrange(1, len(line) + 1)
        line = line[:at] + chance.choice(UNSEEN) + line[at:]
    return line


def _wide(char: str) -> str:
    return chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char


def test_ten_thousand_spellings_of_one_prompt_have_one_seed() -> None:
    settings, chance = load_settings(secret="s"), random.Random(1)
    seeds = Counter(seed_of(varied(PROMPT, chance), Wishes(), BY_PROMPT, settings) for _ in range(10_000))
    assert len(seeds) == 1
    assert seed_of(PROMPT, Wishes(), BY_PROMPT, settings) in seeds


@pytest.mark.parametrize("char", SPACES)
def test_every_space_is_a_space(char: str) -> None:
    assert gist(f"{char}a{char}{char}doctor{char}") == "a doctor"


def test_every_invisible_character_is_none() -> None:
    assert len(UNSEEN) > 150
    assert {gist(f"a{char} do{char}ctor") for char in UNSEEN} == {"a doctor"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a doctor", "two doctors"),
        ("a doctor", "a doctor, 8k"),
        ("a doctor", "adoctor"),
        ("a doctor and a nurse", "a nurse and a doctor"),
        ("a doctor 👩", "a doctor 👨"),
        ("a doctor 👋🏻", "a doctor 👋🏿"),
        ("医生", "护士"),
        ("врач", "учитель"),
        ("12 doctors", "21 doctors"),
        ("a doctor?", "a doctor!"),
    ],
)
def test_other_words_are_other_prompts(one: str, other: str) -> None:
    settings = load_settings(secret="s")
    assert seed_of(one, Wishes(), BY_PROMPT, settings) != seed_of(other, Wishes(), BY_PROMPT, settings)


@pytest.mark.parametrize("text", ["", " \u200b\n", "\x00", "\ud800", "\ud800a", "İ", "ß", "ﬁ", "e\u0301", "\u1e9e"])
def test_any_text_has_a_seed_and_folding_twice_folds_no_more(text: str) -> None:
    assert gist(gist(text)) == gist(text)
    assert seed_of(text, Wishes(), BY_PROMPT, load_settings(secret="s")) >= 0


def test_draws_over_many_prompts_meet_their_shares(small_rules: Any, times: Callable[[int, int], int]) -> None:
    """Pearson's statistic over many prompts; 10.83 is its 0.999 quantile at one degree of freedom."""
    settings, shares = load_settings(secret="s"), small_rules.policy
    engine, counts = Engine(small_rules, cache_bytes=0), Counter[str]()
    for number in range(times(2_000, 10_000)):
        text = f"a doctor, mark{number}"
        decision = engine.decide(Prompt(text=text, seed=seed_of(text, Wishes(), BY_PROMPT, settings)), policy=shares)
        counts.update(value for draw in decision.draws[0] if draw.ruling.axis == "gender" for value in draw.values)
    expected = {value: sum(counts.values()) * share / 100 for value, share in shares.axes["gender"].items()}
    assert sum((counts[value] - want) ** 2 / want for value, want in expected.items()) < 10.83


def test_without_the_key_a_draw_is_a_coin() -> None:
    """Who knows the program and another key foresees half of the coins, within five standard deviations."""
    ours, theirs = load_settings(secret="ours"), load_settings(secret="theirs")
    texts = [f"a doctor {number}" for number in range(10_000)]
    hits = sum(seed_of(text, Wishes(), BY_PROMPT, ours) % 2 == seed_of(text, Wishes(), BY_PROMPT, theirs) % 2 for text in texts)
    assert abs(hits - 5_000) < 250


def test_the_running_sidecar_gives_one_draw_to_every_spelling(run_rig: Callable[..., Any], good: Any) -> None:
    chance = random.Random(2)
    with run_rig(policy={"sampling": {"by": "prompt"}}, upstream=good.origin, decision_log_prompts=True) as rig:
        for _ in range(40):
            spaced = "".join(char + chance.choice(["", "", " "]) if char == " " else char for char in "a doctor and an engineer")
            rig.post(chance.choice([str, str.upper, str.title])(spaced) + chance.choice(["", " ", "\n", "\u200b", "\ufeff"]))
        found = httpx.get(f"{rig.admin}/decisions?limit=100", trust_env=False, verify=False).json()["decisions"]
    drawn = {str([axis["drawn"] for subject in each["subjects"] for axis in subject["axes"].values()]) for each in found}
    assert len(found) == 40
    assert len(drawn) == 1
