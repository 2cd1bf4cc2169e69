"""LoRA tags that name somebody, and the words of the prompt that call them out."""

import pytest

from evenhand.engine import Engine
from evenhand.engine.loras import named_by_tags
from evenhand.engine.reading import read
from evenhand.flow import Prompt
from evenhand.rules import Ruleset

ROWS = [
    ("1girl, zorablix, short hair, <lora:Zorablix:0.6>", ["zorablix"]),
    ("a woman in a red coat <lora:style-emma-stone:0.8>", ["<lora:style-emma-stone:0.8>"]),
    ("1girl, castle <lora:film_grain_v2:0.4>", []),
    ("portrait of a nurse <lora:add_detail:1>, detail shot", []),
    ("portrait of a nurse by artgerm <lora:artgerm:0.5>", []),
    ("zorablix on a bench", []),
]


@pytest.mark.parametrize(("prompt", "names"), ROWS)
def test_named_by_tags(shipped: Ruleset, prompt: str, names: list[str]) -> None:
    spans = named_by_tags(read(prompt, shipped), shipped)
    assert [prompt[span.start : span.end] for span in spans] == names


@pytest.mark.parametrize(("prompt", "names"), ROWS)
def test_a_called_one_is_never_varied(engine: Engine, prompt: str, names: list[str]) -> None:
    if names:
        assert engine.decide(Prompt(text=prompt, seed=3)).texts == ()
