"""A body tried against the dialects: the same reading as the sidecar's."""

import pytest

from evenhand.dialects.load import load_dialects
from evenhand.engine import Engine
from evenhand.errors import BodyError
from evenhand.trying import operations_at, passing_at, tried

DIALECTS = load_dialects()
PATH = "/v1/images/generations"


def test_usual_dialects_come_first() -> None:
    found = operations_at(DIALECTS, "POST", PATH)
    assert found[0][1].id == "openai.images.generations"
    assert [dialect.usual for dialect, _ in found] == sorted((dialect.usual for dialect, _ in found), reverse=True)
    assert operations_at(DIALECTS, "GET", PATH) == []


def test_paths_without_prompts() -> None:
    found = passing_at(DIALECTS, "GET", "/v1/models")
    assert found is not None
    assert passing_at(DIALECTS, "GET", "/nowhere/at/all/really") is None or not found.usual


def test_what_would_be_written(engine: Engine) -> None:
    at = operations_at(DIALECTS, "POST", PATH)[0]
    trial = tried(b'{"prompt":"a nurse","n":2}', at, engine, path=PATH, content_type="application/json; charset=utf-8", seed=3)
    assert [len(decision.texts) for decision in trial.decisions] == [2]
    assert trial.written == b'{"prompt":"%s","n":2}' % trial.decisions[0].texts[0].encode()


@pytest.mark.parametrize(
    ("body", "content_type"), [(b"{", "application/json"), (b"{}", "text/plain"), (b"{}", "application/json")]
)
def test_what_the_sidecar_refuses(engine: Engine, body: bytes, content_type: str) -> None:
    with pytest.raises(BodyError):
        tried(body, operations_at(DIALECTS, "POST", PATH)[0], engine, path=PATH, content_type=content_type, seed=0)
