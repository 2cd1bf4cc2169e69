"""The whole engine: a prompt in, a decision out; pure, so the same in gives the same out, in any thread."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from evenhand.engine import Engine
from evenhand.engine.cast import MOST_TOLD
from evenhand.engine.tagger import NoTagger, load_network_tagger, shipped_tagger
from evenhand.flow import Prompt
from evenhand.rules import Ruleset
from evenhand.text import splice

PROMPTS = [
    "a doctor",
    "two engineers at a whiteboard",
    "a crowd",
    "a Black teacher talking with a student",
    "Elon Musk",
    "white wine",
    "",
]


@pytest.mark.parametrize("text", PROMPTS)
@pytest.mark.parametrize("images", [1, 4, 10])
def test_one_text_an_image_made_by_its_edits(small_engine: Engine, text: str, images: int) -> None:
    decision = small_engine.decide(Prompt(text=text, images=images, seed=3, id="d-7"))
    is_open = any(ruling.is_open for ruling in decision.plan.rulings)
    assert decision.outcome == ("rewritten" if is_open else "unchanged")
    assert len(decision.texts) == len(decision.edits) == len(decision.draws) == (images if is_open else 0)
    assert [splice(text, edits) for edits in decision.edits] == list(decision.texts)
    assert decision.id == "d-7"
    assert decision.revision == small_engine.rules.revision


def test_the_seed_fixes_the_words(small_engine: Engine) -> None:
    texts = {seed: small_engine.decide(Prompt(text="a doctor and a nurse", images=4, seed=seed)).texts for seed in range(20)}
    assert all(
        small_engine.decide(Prompt(text="a doctor and a nurse", images=4, seed=seed)).texts == told
        for seed, told in texts.items()
    )
    assert len(set(texts.values())) > 10


def test_threads_share_an_engine(engine: Engine) -> None:
    """Four at a time over prompts of which some come again, into memories too small for all of them."""
    texts = [f"{text}, number {place % 200}" for place in range(500) for text in PROMPTS[:4]]
    prompts = [Prompt(text=text, seed=place, images=2) for place, text in enumerate(texts)]
    fresh = Engine(engine.rules, tagger=load_network_tagger(), cache_bytes=200_000)
    with ThreadPoolExecutor(4) as pool:
        shared = list(pool.map(fresh.decide, prompts))
    plain = Engine(engine.rules, cache_bytes=0)
    assert shared == [plain.decide(prompt) for prompt in prompts]


@pytest.mark.parametrize("text", PROMPTS)
def test_what_is_remembered_is_what_would_be_decided(engine: Engine, text: str) -> None:
    plain = Engine(engine.rules, tagger=engine.tagger, cache_bytes=0)
    for seed in range(4):
        prompt = Prompt(text=text, seed=seed, images=1 + seed, id=f"d-{seed}")
        assert engine.decide(prompt) == plain.decide(prompt)


HOSTILE = [
    "women, men, ",
    "a nurse and ",
    "people, ",
    "a nurse, she ",
    "both black nurses, ",
    "1943 ",
    "a chef in Kyoto in 1943, ",
    "000,",
    "\u1369 nurses, ",  # a digit of a script that int() can't read
    "<lora:nurse:1> nurse ",
    "a-",
    "\u00ab",
    "students of the Treaty of Xanth ",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_prompt_is_decided(engine: Engine, text: str) -> None:
    """Whoever repeats himself gets an answer whose size is in proportion to what he sent."""
    prompt = (text * 8_000)[:8_000]
    decision = engine.decide(Prompt(text=prompt))
    told = sum(len(subject.findings) for subject in decision.plan.analysis.subjects)
    assert told <= 8 * MOST_TOLD * (1 + len(decision.plan.analysis.subjects))
    assert len(decision.plan.analysis.subjects) <= len(prompt)


def test_a_policy_may_come_with_the_call(small_engine: Engine, village: Ruleset) -> None:
    policy = village.policy.model_copy(update={"axes": {"gender": {"woman": 100, "man": 0}}})
    assert small_engine.decide(Prompt(text="a doctor"), policy=policy).texts == ("a female doctor",)
    later = village.policy.model_copy(update={"historical_until": 1990})
    assert small_engine.decide(Prompt(text="a doctor in 1987"), policy=later).outcome == "unchanged"
    assert small_engine.decide(Prompt(text="a doctor in 1987")).outcome == "rewritten"


def test_the_shipped_model_reads_unless_told(village: Ruleset, small_engine: Engine) -> None:
    assert type(Engine(village).tagger) is type(shipped_tagger())
    assert isinstance(small_engine.tagger, NoTagger)


def test_the_reader_gets_the_plan_back(small_engine: Engine, village: Ruleset) -> None:
    decision = small_engine.decide(Prompt(text="a doctor", seed=1))
    assert small_engine.fill(decision.plan, village.policy).texts == decision.texts
