import pytest

from evenhand.dialects.spec import dialect_of, load_dialects
from evenhand.errors import RuleError

YAML = """\
dialect: made-up
title: A made-up API
operations:
  - id: made-up.draw
    path: /v2/models/{model}/draw
    prompts: [/instances/*/prompt, /text]
    never: [/instances/*/negative_prompt]
    count: {at: /parameters/sampleCount, default: 4, most: 8}
"""


def test_the_shipped_dialects_are_readable_and_have_unique_operations() -> None:
    ids = [operation.id for dialect in load_dialects() for operation in dialect.operations]
    assert "openai.images.generations" in ids
    assert len(ids) == len(set(ids))


def test_no_prompt_place_is_also_a_never_place() -> None:
    for dialect in load_dialects():
        for operation in dialect.operations:
            assert not any(operation.is_prompt(place) for place in operation.never)


@pytest.mark.parametrize(
    ("path", "matches"),
    [
        (b"/v2/models/m-1/draw", True),
        (b"/v2/models/a%2Fb/draw", True),
        (b"/v2/models//draw", False),
        (b"/v2/models/a/b/draw", False),
        (b"/v2/models/m/draw/", False),
        (b"/V2/models/m/draw", False),
        (b"/v2/models/m/draw\n", False),
    ],
)
def test_paths_match_byte_for_byte(path: bytes, matches: bool) -> None:
    operation = dialect_of(YAML.encode(), "made-up.yaml").operations[0]
    assert operation.matches(path) is matches


def test_pointers_with_stars() -> None:
    operation = dialect_of(YAML.encode(), "made-up.yaml").operations[0]
    places = ["/instances/0/prompt", "/instances/12/prompt", "/text", "/instances/prompt", "/instances/0/x/prompt", "/prompt"]
    assert [operation.is_prompt(place) for place in places] == [True, True, True, False, False, False]
    assert (operation.count_name, operation.count_default, operation.can_split) == ("sampleCount", 4, False)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("prompts: [/instances/*/prompt, /text]", "prompts: []", "made-up.yaml:6"),
        ("title: A made-up API", "titel: A made-up API", "did you mean 'title'"),
        ("path: /v2", "path: v2", "made-up.yaml:5"),
        ("dialect: made-up\n", "dialect: made-up\n---\n", "made-up.yaml"),
    ],
)
def test_faults_are_told_with_their_place(old: str, new: str, says: str) -> None:
    with pytest.raises(RuleError) as caught:
        dialect_of(YAML.replace(old, new).encode(), "made-up.yaml")
    assert says in str(caught.value)
