"""A remembered analysis is the same analysis; what is remembered has an upper bound in bytes and in number."""

from evenhand.engine import Engine
from evenhand.engine.memory import LARGEST_SHARE, AnalysisMemory, weight_bytes
from evenhand.engine.tagger import NoTagger
from evenhand.flow import Analysis, Prompt
from evenhand.rules import Ruleset


def analysis_of(engine: Engine, text: str) -> Analysis:
    return engine.decide(Prompt(text=text)).plan.analysis


def test_found_again_for_another_seed(small_engine: Engine, village: Ruleset) -> None:
    memory = AnalysisMemory(size_bytes=1 << 20)
    analysis = analysis_of(small_engine, "a doctor")
    asked = Prompt(text="a doctor", seed=9, images=3, id="d-1")
    assert memory.find(asked, village.policy) is None
    memory.keep(analysis, village.policy)
    found = memory.find(asked, village.policy)
    assert found is not None
    assert found.prompt == asked
    assert found.subjects is analysis.subjects


def test_another_last_year_of_history_has_analyses_of_its_own(small_engine: Engine, village: Ruleset) -> None:
    memory = AnalysisMemory(size_bytes=1 << 20)
    memory.keep(analysis_of(small_engine, "a doctor"), village.policy)
    asked = Prompt(text="a doctor")
    for update, is_found in (
        ({"historical_until": 1900}, False),
        ({"one_is_stated": "leave"}, True),  # these enter the plan
        ({"axes": {"gender": {"woman": 50, "man": 50}}}, True),
    ):
        assert (memory.find(asked, village.policy.model_copy(update=update)) is not None) == is_found


def test_the_oldest_is_forgotten_first(small_engine: Engine, village: Ruleset) -> None:
    analyses = [analysis_of(small_engine, f"a doctor, number {number}") for number in range(20)]
    room = 10
    memory = AnalysisMemory(size_bytes=room * weight_bytes(analyses[-1]))
    for analysis in analyses:
        memory.keep(analysis, village.policy)
        memory.find(analyses[0].prompt, village.policy)
    assert memory.used_bytes <= room * weight_bytes(analyses[-1])
    assert room - 1 <= len(memory) <= room + 1
    kept = [number for number, analysis in enumerate(analyses) if memory.find(analysis.prompt, village.policy)]
    assert kept == [0, *range(20 - len(memory) + 1, 20)]


def test_kept_twice_weighs_once(small_engine: Engine, village: Ruleset) -> None:
    memory = AnalysisMemory(size_bytes=1 << 20)
    analysis = analysis_of(small_engine, "a doctor")
    memory.keep(analysis, village.policy)
    memory.keep(analysis, village.policy)
    assert (len(memory), memory.used_bytes) == (1, weight_bytes(analysis))


def test_one_analysis_never_fills_it(small_engine: Engine, village: Ruleset) -> None:
    analysis = analysis_of(small_engine, "a doctor and " * 200)
    memory = AnalysisMemory(size_bytes=weight_bytes(analysis) * (LARGEST_SHARE - 1))
    memory.keep(analysis, village.policy)
    assert len(memory) == 0


def test_an_engine_may_remember_nothing(village: Ruleset) -> None:
    engine = Engine(village, tagger=NoTagger(), cache_bytes=0)
    one, two = (engine.decide(Prompt(text="a doctor", seed=3)) for _ in range(2))
    assert one == two
    assert one.plan.analysis.subjects is not two.plan.analysis.subjects
