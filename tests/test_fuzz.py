"""A short slice of the fuzzing on every run: the targets' seeds, seeds changed at random, and what was found before."""

import importlib
import sys
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent.parent))

from fuzz import TARGETS
from fuzz.shared import JSON, operations

BOTH = b'{"instances":[{"prompt":"a doctor"}]}'
FOUND = [
    # Two settings below one missing object wrote that object twice, so that parsers could lose either.
    ("json_body", "vertex.predict", BOTH),
    ("json_body", "bedrock.invoke", b'{"text_prompts":[{"text":"a postman"}],"seed":3}'),
    # What stands around the count can't hold it: four requests for one image each would have asked for sixteen.
    ("json_body", "vertex.predict", b'{"instances":[{"prompt":"a doctor"}],"parameters":null}'),
    # Answers that are not UTF-8, or hold half a character, raised an error after the picture was paid.
    ("answer", "openai.images.generations", b'{"data":[{"url":"a","\x96":1}]}'),
    ("answer", "openai.images.generations", b'{"data":[{"url":"a","revised_prompt":"\\ud800"}]}'),
    # Rules without words for what they draw: every such prompt was a fault.
    ("rule_files", "", b"\x00kind: roles\nrules:\n  - {id: one, match: [judge], why: A., examples: [{say: a, vary: []}]}\n"),
    ("rule_files", "", b"\x01kind: policy\naxes: {gender: {woman: 50, man: 50}}\n"),
    # A file's own control characters came through in the error that a terminal shows.
    ("rule_files", "", b"\x02\x1b]0;owned\x07\x0c`@"),
    ("rule_files", "", b'\x00kind: "\\e[31mroles"\n'),
]


@cache
def target(name: str) -> tuple[Callable[[bytes], None], tuple[bytes, ...]]:
    module = importlib.import_module(f"fuzz.{name}")
    return module.run, tuple(module.seeds())


def changed(seed: bytes, other: bytes, at: int, end: int, new: bytes, kind: int) -> bytes:
    """A seed with a stretch replaced, dropped, doubled, or taken from another seed."""
    at, end = sorted((at % (len(seed) + 1), end % (len(seed) + 1)))
    inner = (new, b"", seed[at:end] * 2, other[at : at + 40])[kind]
    return seed[:at] + inner + seed[end if kind else at :]


def inputs(name: str) -> st.SearchStrategy[bytes]:
    seeds = st.sampled_from(target(name)[1])
    places = st.integers(0, 2**16)
    return st.one_of(
        st.builds(changed, seeds, seeds, places, places, st.binary(max_size=12), st.integers(0, 3)), st.binary(max_size=200)
    )


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_hold(name: str) -> None:
    run, seeds = target(name)
    assert len(seeds) >= 9
    for seed in seeds:
        run(seed)


@pytest.mark.parametrize("name", TARGETS)
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_changed_seeds_hold(name: str, data: st.DataObject) -> None:
    target(name)[0](data.draw(inputs(name)))


def found() -> Iterator[tuple[str, bytes]]:
    numbers = {operation.id: index for index, operation in enumerate(operations(JSON))}
    for name, operation, data in FOUND:
        yield name, bytes([numbers[operation]]) + data if operation else data


@pytest.mark.parametrize(("name", "data"), list(found()))
def test_what_was_found_stays_mended(name: str, data: bytes) -> None:
    target(name)[0](data)


SIZES = (1_000, 2_000, 4_000)
LONG = {
    "a JSON object": ("json_body", lambda n: b'\x0e{"prompt":"a",' + b'"x":1,' * n + b'"y":2}'),
    "nested arrays": ("json_body", lambda n: b'\x0e{"prompt":"a","x":[' + b"[[1]]," * n + b"1]}"),
    "escapes": ("json_body", lambda n: b'\x0e{"prompt":"' + b"\\u00e9" * n + b'"}'),
    "parts of a form": (
        "form",
        lambda n: (
            b"\x00multipart/form-data; boundary=b\n"
            + b"--b\r\nContent-Disposition: form-data; name=x\r\n\r\n\r\n" * (n // 10)
            + b"--b--"
        ),
    ),
    "a list of words": ("rule_files", lambda n: b"\x02one,many\n" + b"".join(b"word %d,\n" % i for i in range(n))),
    "keys of a rule": ("rule_files", lambda n: b"\x00kind: roles\n" + b"".join(b"k%d: 1\n" % i for i in range(n // 10))),
    "aliases": ("rule_files", lambda n: b"\x00a: &a [x]\n" + b"b: [" + b"*a, " * (n // 10) + b"]\n"),
    "people": ("spans", lambda n: b"\x00\x00" + b"a doctor and " * (n // 20)),
    "brackets": ("spans", lambda n: b"\x00\x00" + b"((a nurse [" * (n // 20)),
    "one word": ("spans", lambda n: b"\x00\x00" + b"nurse" * n),
    "headers": ("heads", lambda n: b"/v1\n\n" + b"connection: a, b\n" * (n // 10)),
}


def steps(run: Callable[[], object]) -> int:
    """How many functions are called on the way, ours and built-in ones: a measure of work that no clock disturbs."""
    count = 0

    def note(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        run()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("what", LONG)
def test_work_grows_with_the_size_and_no_faster(what: str) -> None:
    name, make = LONG[what]
    run, _ = target(name)
    run(make(SIZES[0]))
    few, twice, most = (steps(partial(run, make(size))) for size in SIZES)
    assert most - twice <= 2.6 * (twice - few) + 2_000, (few, twice, most)
