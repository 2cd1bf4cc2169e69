import pytest

from evenhand.dialects.load import dialect_of, load_dialects
from evenhand.dialects.spec import covers, parents, pattern_of
from evenhand.errors import RuleError

YAML = """\
dialect: made-up
title: A made-up API
operations:
  - id: made-up.draw
    path: /v2/models/{model}/draw
    prompts: [/instances/*/prompt, /text]
    never: [/instances/*/negative_prompt]
    count: {at: [/parameters/sampleCount], default: 4, most: 8}
"""


def test_the_shipped_dialects_are_readable_and_have_unique_operations() -> None:
    ids = [operation.id for dialect in load_dialects() for operation in dialect.operations]
    assert "openai.images.generations" in ids
    assert len(ids) == len(set(ids))


def test_no_prompt_place_is_also_a_never_place() -> None:
    for dialect in load_dialects():
        for operation in dialect.operations:
            prompts = [place.at for place in operation.places]
            assert not any(covers(wanted, place) for place in operation.never for wanted in prompts)


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
    found = [any(covers(wanted.at, place) for wanted in operation.places) for place in places]
    assert found == [True, True, True, False, False, False]
    assert operation.can_split is False
    assert operation.names_in(b"/v2/models/m%201/draw") == {"model": "m 1"}
    assert operation.names_in(b"/other") == {}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("prompts: [/instances/*/prompt, /text]", "when: [{path: modle, like: ['*']}]\n    prompts: [/a]", "no part 'modle'"),
        ("prompts: [/instances/*/prompt, /text]", "unless: [{path: modle, like: ['*']}]\n    prompts: [/a]", "no part 'modle'"),
        ("prompts: [/instances/*/prompt, /text]", "when: [{equals: [a]}]\n    prompts: [/a]", "either 'at' or 'path'"),
        ("prompts: [/instances/*/prompt, /text]", "prompts: [{at: /text, last: true}]", "'last' needs a place with '*'"),
        (
            "prompts: [/instances/*/prompt, /text]",
            "also: [/draw]\n    when: [{path: model, like: ['*']}]\n    prompts: [/a]",
            "no part 'model'",
        ),
        ("title: A made-up API", "title: A made-up API\npasses: [GET v1]", "passes"),
        ("prompts: [/instances/*/prompt, /text]", "prompts: []", "needs 'prompts' or 'graph'"),
        ("title: A made-up API", "titel: A made-up API", "did you mean 'title'"),
        ("path: /v2", "path: v2", "made-up.yaml:5"),
        ("dialect: made-up\n", "dialect: made-up\n---\n", "made-up.yaml"),
    ],
)
def test_faults_are_told_with_their_place(old: str, new: str, says: str) -> None:
    with pytest.raises(RuleError) as caught:
        dialect_of(YAML.replace(old, new).encode(), "made-up.yaml")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "path", "parts"),
    [
        ("/{app+}", b"/fal-ai/flux/dev", {"app": b"fal-ai/flux/dev"}),
        ("/{app+}/requests/{id}", b"/a/b/requests/7", {"app": b"a/b", "id": b"7"}),
        ("/models/{model}:predict", b"/models/imagen-4:predict", {"model": b"imagen-4"}),
        ("/{app+}", b"/", None),
        ("/{app+}", b"/a//b", None),
        ("/models/{model}:predict", b"/models/a/b:predict", None),
    ],
)
def test_parts_of_a_path(pattern: str, path: bytes, parts: dict[str, bytes] | None) -> None:
    found = pattern_of(pattern).fullmatch(path)
    assert (found.groupdict() if found else None) == parts


def test_parents_are_told_outermost_first() -> None:
    assert parents("/a/b/c") == ["/a", "/a/b"]
    assert parents("/a") == []


def test_more_paths_of_one_operation() -> None:
    more = YAML.replace("    prompts:", '    also: ["/{prefix+}/draw/{model}"]\n    prompts:')
    operation = dialect_of(more.encode(), "made-up.yaml").operations[0]
    paths = [b"/v2/models/m/draw", b"/a/b/draw/m", b"/draw/m", b"/v2/models/m/paint"]
    assert [operation.matches(path) for path in paths] == [True, True, False, False]
    assert [operation.names_in(path).get("model") for path in paths] == ["m", "m", None, None]
